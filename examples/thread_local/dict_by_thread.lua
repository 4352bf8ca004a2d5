-- Ten threads count in a table that all share, each under its own key. The counts are
-- right, but nothing but good manners keeps a thread out of another's entry: main reads
-- one, and could change it as well. With thread-local data: local_counter.lua.
--
-- The table is in a value, to be changed while the lock is held. (Two threads that
-- change different entries change the same table.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(1000)
local counts = concur.value {}
local lock = concur.lock()

local function change(key, n)
  local _ <close> = lock:acquire()
  local all = counts:get()
  all[key] = (all[key] or 0) + n
  counts:set(all)
end

local function count()
  local me = concur.current()
  for _ = 1, rounds do change(me.ident, 1) end
  say("%s %d", me.name, counts:get()[me.ident])
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(count) end
for _, thread in ipairs(threads) do assert(thread:join()) end

local lines = said()
assert(#lines == 10)
for i = 1, 10 do assert(lines:count(("^Thread%%-%d %d$"):format(i, rounds)) == 1) end

local other = threads[1].ident
print("main reads the first thread's count", counts:get()[other])
assert(counts:get()[other] == rounds)
change(other, -rounds)
print("and after main has changed it", counts:get()[other])
assert(counts:get()[other] == 0)
