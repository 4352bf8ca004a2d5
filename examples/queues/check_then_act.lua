-- To ask a queue for its size and then to act on the answer is two steps, and others may
-- act between them. Here a barrier makes sure that they do: two threads both see room for
-- one more item, and both put one; the same with the last item and `get`. So the answer
-- is for show, and the call itself is the test: it tells whether it succeeded.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local barrier = concur.barrier(2)

local function check_then(queue, act, ...)
  local size = queue:qsize()
  barrier:wait() -- until the other one has looked as well
  local result, reason = act(queue, ...)
  say("saw %d of %d: %s, %s", size, queue:maxsize(), result, reason or "done")
  return size, result, reason
end

-- Two threads that do the same; returns what each saw, and which of them failed.
local function both(...)
  local one, other = concur.spawn(check_then, ...), concur.spawn(check_then, ...)
  local _, size1, result1, reason1 = assert(one:join())
  local _, size2, result2, reason2 = assert(other:join())
  assert(size1 == size2)
  if reason1 then return size1, result2, result1, reason1 end
  return size1, result1, result2, reason2
end

local queue = concur.queue(8)
for i = 1, 7 do queue:put(i) end
local size, success, failure, reason = both(queue, queue.put_nowait, "one more")
assert(size == 7 and success == true and failure == false and reason == "full" and queue:full())

while queue:qsize() > 1 do queue:get() end
size, success, failure, reason = both(queue, queue.get_nowait)
assert(size == 1 and success == "one more" and failure == nil and reason == "empty" and queue:empty())

local lines = said()
assert(#lines == 4 and lines:count "done$" == 2)
