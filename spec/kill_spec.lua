-- Processes killed at random instants of all operations; the long form is in spec/stress.
local concur = require "concur"
local h = require "spec.support.helpers"
require "spec.support.kit"
local killing = require "modules.killing"

describe("processes that are killed at random", function()
  it("block nobody, and leave objects whole and nothing behind", function()
    concur.excepthook = false
    killing.run(h.sanitized and 40 or 200, os.time())
  end)
end)
