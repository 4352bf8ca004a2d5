-- A tour of what a queue can do: put and get, with limits and without; its size; many
-- items at once; marking items as done, and waiting for the marks; the end.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local limit = example.pause(0.05)

-- Without a maximum it is never full, and put never waits.
local queue = concur.queue()
assert(queue:maxsize() == 0 and queue:empty() and not queue:full())
for i = 1, 1000 do queue:put(i) end
print("no maximum", queue)
assert(queue:qsize() == 1000 and #queue == 1000 and not queue:empty() and not queue:full())
assert(queue:get() == 1 and queue:get() == 2)

-- An empty queue lets a getter wait, up to the limit.
queue = concur.queue(2)
local start = concur.now()
local item, reason = queue:get(limit)
local elapsed = concur.now() - start
print("get from an empty one", item, reason)
assert(item == nil and reason == "empty" and elapsed >= limit)

-- A full one lets a putter wait, up to the limit, or until there is room.
assert(queue:put "a" and queue:put "b" and queue:full())
start = concur.now()
local done
done, reason = queue:put("c", limit)
elapsed = concur.now() - start
print("put into a full one", done, reason)
assert(done == false and reason == "full" and elapsed >= limit and queue:qsize() == 2)
local putter = concur.spawn(queue.put, queue, "c")
example.until_waiting(putter)
assert(queue:get() == "a")
assert(select(2, putter:join()) == true and queue:full())

-- Any value that can be sent is an item, nil too: then there is no second value.
assert(queue:get() == "b" and queue:get() == "c")
queue:put(nil)
print("an item that is nil", queue:get())
queue:put { name = "x" }
assert(queue:get().name == "x")

-- join waits until as many items are marked as were put: that it is empty is not enough.
assert(queue:empty() and queue:join(0) == false)
for _ = 1, 5 do queue:task_done() end
assert(queue:join() == true)
local ok, message = pcall(queue.task_done, queue)
print("a mark too many", ok, message)
assert(not ok and message:find "called too many times")

-- Many items in one call: as many as there is room for, as many as there are.
local put
put, reason = queue:put_many({ 1, 2, 3 }, 0)
print("three into a queue of two", put, reason)
assert(put == 2 and reason == "full")
local list = queue:get_many(10)
assert(list.n == 2 and list[1] == 1 and list[2] == 2)

-- Closed, it takes nothing more, and gives what is left; or drops that as well.
queue:put "last"
queue:close()
done, reason = queue:put "late"
print("put into a closed one", done, reason)
assert(done == false and reason == "closed" and queue:closed())
assert(queue:get() == "last")
item, reason = queue:get()
print("get from a closed one", item, reason)
assert(item == nil and reason == "closed")

queue = concur.queue()
queue:put_many { 1, 2, 3 }
queue:close(true)
assert(queue:empty() and queue:join()) -- what was dropped counts as done
