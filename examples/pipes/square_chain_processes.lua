-- The chain of pipes/square_chain.lua with processes: numbers go into a pipe, another process squares
-- them and sends them into the next, main prints them. A stream ends when its sending end is closed in every
-- process that has it: so main closes the ends that it has given away.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function numbers(out)
  for i = 0, 9 do out:send(i) end
end

local function squares(inp, out)
  while true do
    local n, reason = inp:recv()
    if not n then return reason end
    out:send(n * n)
  end
end

local first_in, first_out = concur.pipe(false)
local second_in, second_out = concur.pipe(false)
local one = concur.process(numbers, first_out):start()
local two = concur.process(squares, first_in, second_out):start()
for _, connection in ipairs {first_in, first_out, second_out} do connection:close() end

while true do
  local n, reason = second_in:recv()
  if not n then
    say("end: %s", reason)
    break
  end
  say("%d", n)
end
assert(one:join())
local _, reason = assert(two:join())

assert(reason == "closed")
local lines = said()
assert(#lines == 11 and lines[11] == "end: closed")
for i = 0, 9 do assert(lines[i + 1] == tostring(i * i)) end
