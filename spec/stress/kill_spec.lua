-- The long form of spec/kill_spec.lua.
local concur = require "concur"
require "spec.support.kit"
local killing = require "modules.killing"

describe("2,000 processes that are killed at random", function()
  it("block nobody, and leave objects whole and nothing behind", function()
    concur.excepthook = false
    killing.run(2000, os.time())
  end)
end)

describe("processes that are killed while their threads wait for a condition and notify", function()
  it("leave nobody behind in a line", function()
    concur.excepthook = false
    local condition, over = concur.condition(concur.lock()), concur.event()
    local function take_part()
      while not over:is_set() do
        local _ <close> = condition:acquire()
        condition:wait(0.0002)
        condition:notify_all()
      end
    end
    local function victim()
      for _ = 1, 3 do concur.spawn(take_part) end
      take_part()
    end
    local survivors = { concur.spawn(take_part), concur.process(take_part):start() }
    for i = 1, 3000 do
      local process = concur.process(victim):start()
      concur.sleep(0.003 + i % 10 * 0.001)
      process:kill()
      assert.is_false((process:join(10)))
    end
    over:set()
    for _, survivor in ipairs(survivors) do assert.is_true((survivor:join(10))) end
  end)
end)
