-- What a priority queue makes of items without a key: numbers by size, arrays by their
-- first elements, and by the next ones only where those are equal, strings by their
-- bytes. In UTF-8 that is the order of the code points. What cannot be compared with the
-- items of a queue is refused when it is put.

local concur = require "concur"

local function in_order(items, show)
  local queue, order = concur.priority_queue(), {}
  for _, item in ipairs(items) do queue:put(item) end
  while not queue:empty() do order[#order + 1] = show(queue:get()) end
  local text = table.concat(order, " < ")
  print(text)
  return text
end

local function show_pair(pair) return ("{%s, %s}"):format(pair[1], pair[2]) end

assert(in_order({ 2, -1, 1.5, 10 }, tostring) == "-1 < 1.5 < 2 < 10")

-- The second elements are of different types, which nobody asks for here.
assert(in_order({ { 1, "salt" }, { 3, "rice" }, { 2, 333 } }, show_pair) == "{1, salt} < {2, 333} < {3, rice}")
assert(in_order({ { 1, "salt" }, { 1, "rice" } }, show_pair) == "{1, rice} < {1, salt}")

-- Tea, water, rice: U+8336, U+6C34, U+7C73.
assert(in_order({ "茶", "水", "米" }, tostring) == "水 < 米 < 茶")

for _, pair in ipairs { { 1, "one" }, { "one", { 1 } }, { { 1, "salt" }, { 1, 2 } } } do
  local queue = concur.priority_queue()
  queue:put(pair[1])
  local ok, message = pcall(queue.put, queue, pair[2])
  print(type(pair[1]) .. " and " .. type(pair[2]), message)
  assert(not ok and message:find "no order" and queue:qsize() == 1)
end
