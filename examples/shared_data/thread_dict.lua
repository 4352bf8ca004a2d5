-- Ten threads write one key each into one dict, with a value of twice the key; the main
-- thread reads them all. A plain table would stay empty here, since each thread would
-- write into its own copy.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local shared, plain = concur.dict(), {}

local function write(key)
  say("writing key %d", key)
  shared[key] = 2 * key
  plain[key] = 2 * key -- a copy of the table, gone with the thread
end

local threads = {}
for key = 0, 9 do threads[#threads + 1] = concur.spawn(write, key) end
for _, thread in ipairs(threads) do assert(thread:join()) end

local keys = shared:keys()
table.sort(keys)
for _, key in ipairs(keys) do say("%d = %d", key, shared[key]) end

assert(#shared == 10 and #keys == 10 and next(plain) == nil)
for key = 0, 9 do assert(shared[key] == 2 * key) end
assert(said():count "^writing" == 10)
