-- Ten processes write one key each into a dict, and find a plain table empty: that one is copied
-- to each of them, the dict is the same for all. Beside shared_data/thread_dict.lua nothing changes but
-- the word "process".

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local shared, plain = concur.dict(), {}

local function write(key)
  shared[key] = 2 * key
  plain[key] = 2 * key
  say("key %d", key)
end

local list = {}
for i = 1, 10 do list[i] = concur.process(write, i):start() end
for _, p in ipairs(list) do assert(p:join()) end

for key = 1, 10 do io.write(key, "=", tostring(shared[key]), " ") end
print()
assert(#shared == 10 and next(plain) == nil)
for key = 1, 10 do assert(shared[key] == 2 * key) end
local lines = said()
for key = 1, 10 do assert(lines:count("^key " .. key .. "$") == 1) end
