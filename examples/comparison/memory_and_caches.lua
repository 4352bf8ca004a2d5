-- What memory does to threads that compute on shared data.
--
--   filling an array   a large one goes through the memory that all processors share, small ones
--                      stay in the cache of each. Look at the gain from one thread to all
--   adding to slots    two threads that add to one slot pass it to and fro between their caches.
--                      So do two that add to neighbours, since memory goes to caches by lines of
--                      64 bytes: eight slots. Far apart each keeps its line, and neither waits
--
-- Nothing is lost in any case: an addition is one step, and caches agree.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local cores = concur.cpu_count()
local rounds = example.part(10)

-- Bytes per second with so many threads, each of which fills its own slice `times` times.
local function speed(slices, times)
  local functions, elements = {}, 0
  for i, slice in ipairs(slices) do
    functions[i] = function()
      for n = 1, times do slice:fill(n) end
    end
    elements = elements + #slice
  end
  return 8 * times * elements / example.together(functions, rounds)
end

local function slices_of(array, n)
  local list = {}
  for i = 1, n do list[i] = array:slice(1 + (i - 1) * #array // n, i * #array // n) end
  return list
end

local function filling(name, elements, times)
  local array = concur.array("f64", elements)
  local one, all = speed(slices_of(array, 1), times), speed(slices_of(array, cores), times)
  print(("%-13s one thread %5.1f GB/s, %d threads %5.1f GB/s, %.1f times"):format(name, one / 1e9, cores, all / 1e9,
    all / one))
  assert(array[1] == times and array[elements] == times)
end

filling("32 MB", 1 << 22, example.part(20))
filling("16 KB a thread", cores << 11, example.part(20000))

local additions = example.part(1000000)

-- Nanoseconds for an addition, by each of two threads that add to slots so far apart.
local function adding(distance)
  local slots = concur.array("i64", 64)
  local functions = {}
  for i = 0, 1 do
    functions[i + 1] = function()
      for _ = 1, additions do slots:add(1 + i * distance, 1) end
    end
  end
  local time = example.together(functions, rounds) / additions * 1e9
  local sum = slots[1] + (distance > 0 and slots[1 + distance] or 0)
  assert(sum == 2 * rounds * additions)
  return time
end

local same, neighbours, apart = adding(0), adding(1), adding(32)
print(("adding to the same slot %.0f ns, to neighbours %.0f ns, far apart %.0f ns"):format(same, neighbours, apart))
