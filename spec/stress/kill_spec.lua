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
