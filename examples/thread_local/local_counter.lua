-- Ten threads count in one thread-local object: each in its own view of it, without a
-- key and without a lock. Main looks at its view afterwards, and finds nothing there.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(1000)
local storage = concur.tls()

local function count()
  storage.number = 0
  for _ = 1, rounds do storage.number = storage.number + 1 end
  say("%s %d", concur.current().name, storage.number)
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(count) end
for _, thread in ipairs(threads) do assert(thread:join()) end

local seen = 0
for key, value in pairs(storage) do
  print(key, value)
  seen = seen + 1
end
print("entries that main sees", seen)

local lines = said()
assert(#lines == 10 and seen == 0)
for i = 1, 10 do assert(lines:count(("^Thread%%-%d %d$"):format(i, rounds)) == 1) end
