-- The definition files in doc/types: their examples do what they say.
local blocks = require "spec.support.blocks"

local files = {}
do
  local pipe <close> = assert(io.popen("ls doc/types/*.lua"))
  for path in pipe:lines() do files[#files + 1] = path end
end

describe("doc/types/", function()
  local n = 0
  for _, file in ipairs(files) do n = n + blocks.define(file) end

  it("has an example for every function", function() assert(n >= 200) end)
end)
