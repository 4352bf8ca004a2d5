--- Tree: what specs of the installation have in common: running commands, and scripts against an installed concur.
local kit = require "spec.support.kit"

local tree = {}

-- No variable of an outer make, and nothing of the tree's own paths.
local CLEAN = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u LUA_PATH -u LUA_CPATH -u LUA_PATH_5_4 " ..
  "-u LUA_CPATH_5_4 -u LUA_INIT -u DESTDIR -u PREFIX "

--- Output of a shell command; an error with it when that fails.
function tree.run(command, timeout)
  local line = ("timeout %d %s sh -c %s 2>&1 </dev/null"):format(timeout or 60, CLEAN, kit.quote(command))
  local pipe = assert(io.popen(line))
  local output = pipe:read("a")
  local ok, how, code = pipe:close()
  if not ok then error(("%s\nended with %s %d:\n%s"):format(command, how, code, output), 2) end
  return output
end

function tree.lines(command)
  local list = {}
  for line in tree.run(command):gmatch("[^\n]+") do list[#list + 1] = line end
  return list
end

function tree.exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Whether a command is there.
function tree.has(command) return (os.execute("command -v " .. command .. " >/dev/null 2>&1")) == true end

--- Why nothing can be built and installed here, or nil: under a sanitizer's runtime a compiler does not run.
function tree.hindered() return os.getenv "LD_PRELOAD" and "a runtime is preloaded" or nil end

-- What an installed concur is asked to do, far from the tree.
local script = [[
local where = os.getenv "WHERE"
local concur = require "concur"
assert(package.searchpath("concur", package.cpath):find(where, 1, true), "another concur")
local Class = concur.thread:extend()
function Class:run() return concur.pool():map(string.len, {"abc"}, {progress = function() end})[1] end
print(Class():start():join())
print(concur.process(string.rep, "x", 2):start():join())
print(concur.subprocess.run {"echo", "out"}.code)
for _, name in ipairs {"async", "manager"} do
  local found, module = pcall(require, "concur." .. name)
  assert(found or module:find("needs", 1, true), module)
  print(name, found)
end
if pcall(require, "luv") then
  print(concur.async.run(function() return concur.async.spawn(math.max, 1, 2):await() end))
end
if pcall(require, "luv") and pcall(require, "concur.sodium") then
  local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
  server:register("add", function(a, b) return a + b end):start()
  local m <close> = assert(concur.manager.connect {address = server:address(), authkey = "abc", timeout = 10})
  print(m:add(1, 2))
end
]]

--- Runs a script, from the root directory, with the concur that lies below `luadir` and `libdir` alone; its output.
function tree.use(luadir, libdir)
  local path, cpath = ("%s/?.lua;%s/?/init.lua;;"):format(luadir, luadir), libdir .. "/?.so;;"
  return tree.run(("cd / && LUA_PATH=%s LUA_CPATH=%s WHERE=%s %s -e %s"):format(
    kit.quote(path), kit.quote(cpath), kit.quote(libdir), kit.lua, kit.quote(script)))
end

--- What `tree.use` gives when all is there.
function tree.expected(with_sodium)
  local has_luv = pcall(require, "luv")
  local list = {"true\t3", "true\txx", "0", "async\t" .. tostring(has_luv), "manager\t" .. tostring(with_sodium)}
  if has_luv then list[#list + 1] = "2" end
  if has_luv and with_sodium then list[#list + 1] = "3" end
  return table.concat(list, "\n") .. "\n"
end

return tree
