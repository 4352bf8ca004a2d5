-- A task in another thread than the main one that was cancelled just when its wait had been given something lost it: it
-- was stopped between the wait and what came next.
local concur = require "concur"
local kit = require "spec.support.kit"

if not pcall(require, "luv") then return it("needs luv, which is missing here", function() end) end

describe("a task whose wait is over", function()
  it("gets what it waited for, though it is cancelled before it goes on", function()
    local function run()
      local async = require "concur.async"
      return async.run(function()
        local q = concur.queue()
        for i = 1, 3 do
          local task = async.spawn(function()
            local item = q:get()
            return item + 1
          end)
          async.yield()
          q:put(i)
          task:cancel()
          local ok, result = task:join()
          assert(ok and result == i + 1, tostring(result))
        end
        return "kept"
      end)
    end
    assert.equal("kept", run())
    assert.equal("kept", kit.join(concur.spawn(run)))
  end)
end)
