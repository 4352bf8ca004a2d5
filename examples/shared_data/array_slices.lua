-- The same operation on many numbers: one array, a slice of it for each thread, and no
-- lock, since no two threads write to the same element. A slice is a view: what a
-- thread writes into it is in the array.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local n = example.count(200000)
local workers = math.min(concur.cpu_count(), n)

local numbers = concur.array("f64", n)
for i = 1, n do numbers[i] = i end

local function square(slice)
  local sum = 0
  for i = 1, #slice do
    slice[i] = slice[i] ^ 2
    sum = sum + slice[i]
  end
  return sum
end

local threads, first = {}, 1
for i = 1, workers do
  local last = n * i // workers
  threads[i] = concur.spawn(square, numbers:slice(first, last))
  first = last + 1
end

local total = 0
for i, thread in ipairs(threads) do
  local _, sum = assert(thread:join())
  print(("slice %d of %d: sum %.0f"):format(i, workers, sum))
  total = total + sum
end

local expected = 0
for i = 1, n do
  assert(numbers[i] == i ^ 2)
  expected = expected + i ^ 2
end
assert(math.abs(total - expected) <= expected * 1e-12)
print(("sum of %d squares: %.0f"):format(n, total))
