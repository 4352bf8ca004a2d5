-- First in, first out: what a plain queue does.

local concur = require "concur"

local queue = concur.queue()
for i = 0, 4 do queue:put(i) end

local order = {}
while not queue:empty() do
  order[#order + 1] = queue:get()
  print(order[#order])
end
assert(table.concat(order, " ") == "0 1 2 3 4")
