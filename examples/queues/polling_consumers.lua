-- A producer, and three consumers that do not wait: each makes nine attempts, as fast as
-- it can, and goes away. Many attempts find nothing, and at the end there may be items
-- that nobody came for. (With `get` that waits, and a queue that is closed, every item
-- finds somebody: one_producer_three_consumers.lua.)
--
-- An attempt is one call, `get(0)`. To ask `empty` first, and then get, would be two, and
-- somebody else might come between them.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local queue = concur.queue()
local ready = concur.barrier(4) -- all begin together
local count = 9

local function produce(name)
  ready:wait()
  for i = 1, count do
    say("%s makes an item ...", name)
    queue:put(i)
    say("%s has made %d items", name, i)
    say("%s is ready for the next one", name)
  end
end

local function consume(name)
  local got = {}
  ready:wait()
  for attempt = 1, count do
    local item = queue:get(0)
    if item then
      say("%s got an item at attempt %d", name, attempt)
      got[#got + 1] = item
    else
      say("%s found nothing at attempt %d", name, attempt)
    end
  end
  return got
end

local producer = concur.spawn(produce, "A")
local consumers = {}
for i, name in ipairs { "B", "C", "D" } do consumers[i] = concur.spawn(consume, name) end

assert(producer:join())
local items, served = {}, 0
for _, consumer in ipairs(consumers) do
  local _, got = assert(consumer:join())
  for k, item in ipairs(got) do
    assert(not items[item] and (k == 1 or item > got[k - 1]))
    items[item], served = true, served + 1
  end
end
local left = queue:qsize()
print(("%d of %d attempts found something, and %d items are left"):format(served, 3 * count, left))

local lines = said()
assert(lines:count "^A " == 3 * count and #lines == 6 * count)
for name in ("BCD"):gmatch "." do
  for attempt = 1, count do assert(lines:count(("^%s .* at attempt %d$"):format(name, attempt)) == 1) end
end
assert(lines:count " got an item " == served and served + left == count)
-- what nobody got is still there
for _ = 1, left do
  local item = queue:get()
  assert(not items[item])
  items[item] = true
end
assert(#items == count)
