-- The code of README.md does what README.md says.
local blocks = require "spec.support.blocks"

describe("README.md", function()
  local n = blocks.define("README.md")

  it("has code to run", function() assert(n >= 5) end)

  it("has links that lead somewhere", function() blocks.check_links("README.md") end)
end)
