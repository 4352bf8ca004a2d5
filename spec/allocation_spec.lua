-- The n-th allocation of shared memory fails, for all n. modules/walk.lua does it,
-- in an interpreter of its own with a debug build: the one that runs this spec if
-- it is one (make asan), else one that is built beside it.
local concur = require "concur"
local kit = require "spec.support.kit"
local walk = require "modules.walk"

local directory

-- A process's output, and whether it ended well.
local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
  local output = pipe:read("a")
  return output, pipe:close() and true or false
end

local function find_build()
  local here = assert(package.searchpath("concur", package.cpath)):match("^(.*)/[^/]*$")
  if concur._fail_at then return here end
  local build = here .. "/walk"
  local make = "make -s -j2 all BUILD=%s OPTIMIZE=-O0 EXTRA_CFLAGS=-DCC_DEBUG=1 WERROR="
  local output, ok = output_of(make:format(kit.quote(build)))
  if not ok then error("the debug build fails:\n" .. output) end
  return build
end

describe("when the n-th allocation fails,", function()
  lazy_setup(function() directory = find_build() end)

  for _, name in ipairs(walk.names) do
    it(name .. " fails cleanly", function()
      local cpath = ("LUA_CPATH=%s timeout 60"):format(kit.quote(directory .. "/?.so;;"))
      local command = ("%s %s spec/modules/walk.lua %s"):format(cpath, kit.lua, name)
      local output, ok = output_of(command)
      assert.is_truthy(output:find("^walked %d+\n$"), output)
      assert.is_true(ok, output)
    end)
  end
end)
