-- Ten threads count in a table that all share, each under its own key. The counts are
-- right, but nothing but good manners keeps a thread out of another's entry: main reads
-- one, and could change it as well. With thread-local data: local_counter.lua.
--
-- The table is a dict. Nobody else writes to a thread's own entry, so reading it and writing
-- it need not be one step.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(1000)
local counts = concur.dict()

local function count()
  local me = concur.current()
  counts[me.ident] = 0
  for _ = 1, rounds do counts[me.ident] = counts[me.ident] + 1 end
  say("%s %d", me.name, counts[me.ident])
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(count) end
for _, thread in ipairs(threads) do assert(thread:join()) end

local lines = said()
assert(#lines == 10)
for i = 1, 10 do assert(lines:count(("^Thread%%-%d %d$"):format(i, rounds)) == 1) end

local other = threads[1].ident
print("main reads the first thread's count", counts[other])
assert(counts[other] == rounds)
counts[other] = 0
print("and after main has changed it", counts[other])
assert(counts[other] == 0)
