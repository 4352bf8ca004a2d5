-- Several threads count the words of a text into one dict. Each word is counted by
-- `update`, which keeps others from changing that word meanwhile; different words seldom
-- get in each other's way. The result is compared with a count by one thread.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local text = ([[
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of
Light, it was the season of Darkness, it was the spring of hope, it was the winter of despair.
]]):rep(example.count(40))

local function words(s) return s:lower():gmatch("%a+") end

local serial = {}
for word in words(text) do serial[word] = (serial[word] or 0) + 1 end

local lines, counts = concur.queue(), concur.dict()

local function one_more(n) return (n or 0) + 1 end

local function count()
  for line in lines:items() do
    for word in words(line) do counts:update(word, one_more) end
  end
end

local threads = {}
for i = 1, 4 do threads[i] = concur.spawn(count) end
for line in text:gmatch("[^\n]+") do lines:put(line) end
lines:close()
for _, thread in ipairs(threads) do assert(thread:join()) end

local sorted = counts:keys()
table.sort(sorted, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
for i = 1, 5 do print(("%6d %s"):format(counts[sorted[i]], sorted[i])) end

for word, n in pairs(counts) do assert(serial[word] == n, word) end
for word in pairs(serial) do assert(counts:has(word), word) end
