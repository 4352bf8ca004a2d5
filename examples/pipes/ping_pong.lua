-- A pipe has two ends, and each can send to the other one and receive from it. Two
-- players hit a ball over it: a table that is counted up, and written on, by each. The
-- first to have enough closes its end, and the other one sees that.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rallies = example.count(5)

local function hit(connection, ball, sound)
  ball.hits = ball.hits + 1
  ball.sounds[#ball.sounds + 1] = sound
  say("%s %d", sound, ball.hits)
  return connection:send(ball)
end

local function pong(connection)
  while true do
    local ball, reason = connection:recv()
    if not ball then return reason end
    hit(connection, ball, "pong")
  end
end

local here, there = concur.pipe()
local other = concur.spawn(pong, there)
local ball = { hits = 0, sounds = {} }
for _ = 1, rallies do
  hit(here, ball, "ping")
  ball = here:recv() -- a copy, as is what was sent
end
assert(here:poll() == false) -- nothing else is on its way
here:close()
local _, reason = assert(other:join())
say("the other end is %s", reason)

assert(reason == "closed" and ball.hits == 2 * rallies)
assert(table.concat(ball.sounds, " ") == ("ping pong "):rep(rallies):sub(1, -2))
local lines = said()
for i = 1, 2 * rallies do assert(lines[i] == (i % 2 == 1 and "ping " or "pong ") .. i) end

-- What is sent to an end that was closed goes nowhere, and the sender is told.
local sent
sent, reason = there:send(ball)
assert(sent == false and reason == "closed")
