-- Generators: coroutines that give one value after the other and remember where they were. Inside a task they may
-- wait for what they give.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local async = concur.async

local function fibonacci()
  return coroutine.wrap(function()
    local a, b = 0, 1
    while true do
      coroutine.yield(a)
      a, b = b, a + b
    end
  end)
end

local function first(n, generator)
  return coroutine.wrap(function()
    for _ = 1, n do coroutine.yield(generator()) end
  end)
end

local list = {}
for x in first(10, fibonacci()) do list[#list + 1] = x end
print("fibonacci: " .. table.concat(list, " "))
assert(list[10] == 34)

-- The lines of a message that comes in pieces, from a queue.
local pieces = concur.queue()

local function lines()
  return coroutine.wrap(function()
    local rest = ""
    for piece in pieces:items() do -- suspends the task, not only the generator
      rest = rest .. piece
      for line in rest:gmatch "([^\n]*)\n" do coroutine.yield(line) end
      rest = rest:match "[^\n]*$"
    end
  end)
end

local got = {}
async.run(function()
  async.spawn(function()
    for _, piece in ipairs { "one\ntw", "o\nthr", "ee\n" } do
      async.sleep(example.pause(0.02))
      pieces:put(piece)
    end
    pieces:close()
  end)
  for line in lines() do
    got[#got + 1] = line
    print("line: " .. line)
  end
end)
assert(table.concat(got, ",") == "one,two,three")
