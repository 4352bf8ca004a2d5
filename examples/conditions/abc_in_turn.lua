-- Three threads print A, B and C in turn, ten times. Each waits until it is its turn,
-- prints, says whose turn is next, and wakes all: who is not meant waits again.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)
local letters = { "A", "B", "C" }
local turn = concur.value(1)
local condition = concur.condition()

local function run(mine)
  for _ = 1, rounds do
    local _ <close> = condition:acquire()
    while turn:get() ~= mine do condition:wait() end
    say(letters[mine])
    turn:set(mine % #letters + 1)
    condition:notify_all()
  end
end

local threads = {}
for i = 1, #letters do threads[i] = concur.spawn(run, i) end
for _, thread in ipairs(threads) do assert(thread:join()) end

assert(table.concat(said()) == ("ABC"):rep(rounds))
