-- A process is killed at its n-th crash point, for all n: modules/crash.lua does it, in an interpreter of
-- its own with a debug build, as allocation_spec.lua does with allocations that fail.
local concur = require "concur"
local kit = require "spec.support.kit"
local crash = require "modules.crash"

local directory

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
  local output = pipe:read("a")
  return output, pipe:close() and true or false
end

local function find_build()
  local here = assert(package.searchpath("concur", package.cpath)):match("^(.*)/[^/]*$")
  if concur._crash_at then return here end
  local build = here .. "/crash"
  local make = "make -s -j2 all BUILD=%s OPTIMIZE=-O1 EXTRA_CFLAGS=-DCC_DEBUG=1 WERROR="
  local output, ok = output_of(make:format(kit.quote(build)))
  if not ok then error("the debug build fails:\n" .. output) end
  return build
end

describe("a process that is killed at its n-th crash point in", function()
  lazy_setup(function() directory = find_build() end)

  for _, name in ipairs(crash.names) do
    it(name .. " leaves all whole, nobody blocked, nothing behind", function()
      local cpath = ("LUA_CPATH=%s timeout 100"):format(kit.quote(directory .. "/?.so;;"))
      local output, ok = output_of(("%s %s spec/modules/crash.lua %s"):format(cpath, kit.lua, name))
      assert.is_truthy(output:find("^survived %d+\n$"), output)
      assert.is_true(ok, output)
    end)
  end
end)
