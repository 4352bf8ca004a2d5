-- What goes wrong in a task: its error comes to who awaits it, with the way it took; a time limit; a cancelled task
-- cleans up first; and when one of several fails the others are called off.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local async = concur.async

local cleaned = {}

local function work(name, seconds)
  local _ <close> = setmetatable({}, { __close = function() cleaned[#cleaned + 1] = name end })
  async.sleep(seconds)
  return name
end

async.run(function()
  local failing = async.spawn(function() error { code = 42 } end)
  local middle = async.spawn(function() return failing:await() end)
  local ok, err = middle:join()
  print("failed with code " .. err.code)
  assert(not ok and err.code == 42 and middle:traceback():find "awaited task")

  local result, reason = async.timeout(0.01, work, "slow", 100)
  print("in 10 ms: ", result, reason)
  assert(result == nil and reason == "timeout")

  local task = async.spawn(work, "cancelled", 100)
  async.yield()
  task:cancel()
  assert(select(2, task:join()) == concur.CANCELLED)

  local failed, message = pcall(async.gather, function() return work("sibling", 100) end, function()
    async.yield()
    error("no luck", 0)
  end)
  print("gather: " .. message)
  assert(not failed and message == "no luck")
end)

print("cleaned up: " .. table.concat(cleaned, ", "))
assert(table.concat(cleaned, " ") == "slow cancelled sibling")
