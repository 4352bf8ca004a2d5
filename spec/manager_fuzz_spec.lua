-- A manager's server under byte streams that went wrong; spec/stress has more of them.
local fuzz = require "spec.support.manager_fuzz"

describe("a manager's server", function()
  it("outlives 2,000 streams of garbage, and near misses", function() fuzz(2000, 64) end)
end)
