--- A debug build for scripts that need one: the build that runs the specs, if it is one, else one that
-- is made beside it.
local concur = require "concur"
local kit = require "spec.support.kit"

local debug_build = {}

--- A command's output, and whether it ended well.
function debug_build.output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
  local output = pipe:read("a")
  return output, pipe:close() and true or false
end

--- Its directory. Specs that run at the same time make it one after another.
function debug_build.find()
  local here = assert(package.searchpath("concur", package.cpath)):match("^(.*)/[^/]*$")
  if concur._fail_at then return here end
  local build = here .. "/walk"
  local make = "$(command -v flock >/dev/null && echo flock %s) " ..
    "make -s -j2 %s/concur.so BUILD=%s OPTIMIZE=-O1 EXTRA_CFLAGS=-DCC_DEBUG=1 WERROR="
  local output, ok = debug_build.output_of(make:format(kit.quote(build .. ".lock"), kit.quote(build), kit.quote(build)))
  if not ok then error("the debug build fails:\n" .. output) end
  return build
end

--- The output of a script that is run with that build, and whether it ended well.
function debug_build.run(directory, script, argument, seconds)
  local environment = ("LUA_CPATH=%s timeout %d"):format(kit.quote(directory .. "/?.so;;"), seconds)
  return debug_build.output_of(("%s %s %s %s"):format(environment, kit.lua, script, argument))
end

return debug_build
