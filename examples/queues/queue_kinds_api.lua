-- The three kinds of queues, with the calls that do not wait. The same items go into
-- all three; they come out as they went in, the other way round, and in order.

local concur = require "concur"

local items = { 3, 1, 4, 1, 5 }
local kinds = {
  { concur.queue, "queue", "3 1 4 1 5" },
  { concur.lifo, "lifo", "5 1 4 1 3" },
  { concur.priority_queue, "priority_queue", "1 1 3 4 5" },
}

for _, kind in ipairs(kinds) do
  local new, name, order = table.unpack(kind)
  local queue = new(#items)
  assert(concur.type(queue) == name and queue:maxsize() == #items)

  for i, item in ipairs(items) do
    assert(queue:put_nowait(item) == true)
    assert(queue:qsize() == i and queue:full() == (i == #items))
  end
  -- the calls that do not wait are those that wait no time
  for _, refusal in ipairs { { queue:put_nowait(9) }, { queue:put(9, 0) }, { queue:put(9, false) } } do
    assert(refusal[1] == false and refusal[2] == "full")
  end
  print(queue)

  local got = {}
  while not queue:empty() do
    got[#got + 1] = queue:get_nowait()
    queue:task_done()
  end
  print("", table.concat(got, " "))
  assert(table.concat(got, " ") == order)
  for _, refusal in ipairs { { queue:get_nowait() }, { queue:get(0) }, { queue:get(false) } } do
    assert(refusal[1] == nil and refusal[2] == "empty")
  end
  assert(queue:join() == true)
end
