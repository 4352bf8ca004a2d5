-- A manager's server under a hundred thousand byte streams that went wrong.
local fuzz = require "spec.support.manager_fuzz"

describe("a manager's server", function()
  it("outlives 100,000 streams of garbage, and near misses", function() fuzz(100000, 64) end)
end)
