-- Last in, first out: a stack.

local concur = require "concur"

local stack = concur.lifo()
for i = 0, 4 do stack:put(i) end

local order = {}
while not stack:empty() do
  order[#order + 1] = stack:get()
  print(order[#order])
end
assert(table.concat(order, " ") == "4 3 2 1 0")
