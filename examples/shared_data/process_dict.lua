-- Ten processes write one key each into one dict, with a value of twice the key; the main
-- process reads them all. A dict is the same object in all of them, with no manager in
-- between. A plain table stays empty here, since each process writes into its own copy:
-- beside shared_data/thread_dict.lua nothing changes but the word "process".

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local shared, plain = concur.dict(), {}

local function write(key)
  say("writing key %d", key)
  shared[key] = 2 * key
  plain[key] = 2 * key -- a copy of the table, gone with the process
end

local processes = {}
for key = 0, 9 do processes[#processes + 1] = concur.process(write, key):start() end
for _, process in ipairs(processes) do assert(process:join()) end

local keys = shared:keys()
table.sort(keys)
for _, key in ipairs(keys) do say("%d = %d", key, shared[key]) end

assert(#shared == 10 and #keys == 10 and next(plain) == nil)
for key = 0, 9 do assert(shared[key] == 2 * key) end
local lines = said()
for key = 0, 9 do assert(lines:count(("^writing key %d$"):format(key)) == 1) end
assert(lines:last "^writing" < lines:first "^0 = 0$")
