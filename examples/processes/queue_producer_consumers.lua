-- One producer and three consumers, all of them processes. The consumers would read for ever: the
-- queue is closed when all items were marked done, and that ends their loops. (Without it they would have
-- to be terminated.) Items are got in the order in which they were put; each consumer's are ascending.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local items = example.count(10)
local q = concur.queue(3)

local Producer = concur.process:extend "producer"
function Producer:run()
  for i = 1, items do
    say("%s puts %d", self.name, i)
    q:put(i)
    concur.sleep(example.pause(0.1))
  end
end

local Consumer = concur.process:extend "consumer"
function Consumer:run()
  local n = 0
  for item in q:items() do
    say("%s gets %d", self.name, item)
    q:task_done()
    n = n + 1
  end
  return n
end

local consumers = {}
for i = 1, 3 do consumers[i] = Consumer():start() end
assert(Producer():start():join())
assert(q:join(20))
q:close()
local total = 0
for _, consumer in ipairs(consumers) do
  local _, n = assert(consumer:join())
  total = total + n
end

assert(total == items and q:empty())
local lines = said()
assert(#lines == 2 * items)
for i = 1, items do
  assert(lines:count(("^producer%%-1 puts %d$"):format(i)) == 1)
  assert(lines:count(("^consumer%%-%%d gets %d$"):format(i)) == 1)
end
local last = {}
for _, line in ipairs(lines) do
  local who, item = line:match "^(%S+) %l+ (%d+)$"
  assert(tonumber(item) > (last[who] or 0))
  last[who] = tonumber(item)
end
