-- What the specs share: waits that end, checks of raised errors, child interpreters.
--
--   local h = require "spec.support.helpers"
--
-- Specs run in the root of the repository, and `./?.lua` is on the default path.

local concur = require "concur"

local h = {}

-- Preload functions cross to every thread; those of the test runner have served.
for name in pairs(package.preload) do
  if name:find("^busted%.") then package.preload[name] = nil end
end

--- What runs functions elsewhere, for specs that hold for each: `concur[kind]`.
h.kinds = { "thread", "process" }

--- What gives the handle of the running one of a kind.
h.current = { thread = concur.current, process = concur.current_process }

--- Seconds after which a wait counts as a hang.
h.patience = os.getenv "WATCHED" and 100 or 20

-- The sanitizers take so much address space that limits on it mean nothing.
local preload = (os.getenv("LUA") or ""):match("LD_PRELOAD=%S+") or ""
h.holds_signals = preload:find("libtsan") ~= nil -- while Lua code runs
h.sanitized = preload:find("libasan") ~= nil or preload:find("libtsan") ~= nil or os.getenv "WATCHED" ~= nil

local function quote(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

h.quote = quote

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

--- The text of a file, or nil.
h.read = read

--- Waits until fn(...) is true, and returns what it returned.
function h.poll(what, fn, ...)
  local deadline = concur.now() + h.patience
  while true do
    local value = fn(...)
    if value then return value end
    if concur.now() > deadline then error("in vain waited for " .. what, 2) end
    concur.sleep(0.0005)
  end
end

--- Waits until a thread has a status.
function h.await_status(t, wanted)
  local deadline = concur.now() + h.patience
  local status = t:status()
  while status ~= wanted do
    if concur.now() > deadline then error(("status is %q, not %q"):format(status, wanted), 2) end
    concur.sleep(0.0005)
    status = t:status()
  end
end

--- `join` that must not time out: what it returned.
function h.join(t)
  local results = table.pack(t:join(h.patience))
  if results[1] == nil then error(tostring(t) .. " did not end", 2) end
  return table.unpack(results, 1, results.n)
end

--- Results of a function that ran elsewhere; raises its error.
function h.results(t)
  local results = table.pack(h.join(t))
  if not results[1] then error(tostring(t:traceback() or results[2]), 2) end
  return table.unpack(results, 2, results.n)
end

--- fn() must raise a string that matches, with a position inside fn: its caller's.
-- Returns the message.
function h.raises(pattern, fn)
  local ok, err = pcall(fn)
  if ok then error("nothing was raised, expected: " .. pattern, 2) end
  if type(err) ~= "string" then error("raised a " .. type(err) .. ", expected: " .. pattern, 2) end
  if not err:find(pattern) then error(("raised %q, expected: %s"):format(err, pattern), 2) end
  local info = debug.getinfo(fn, "S")
  local source, line = err:match("^(.-):(%d+): ")
  line = tonumber(line)
  if source ~= info.short_src or line < info.linedefined or line > info.lastlinedefined then
    error(("%q lacks the position of its caller (%s:%d)"):format(err, info.short_src, info.linedefined), 2)
  end
  return err
end

--- Runs a Lua script in an interpreter of its own. Options: `shell`, commands that
-- the shell runs before (`ulimit …`); `prefix`, words before the interpreter; `after`,
-- what follows in the shell, with $pid the interpreter's; `timeout`. Returns a table: out, err, code
-- (nil after a signal), signal (nil after an exit), seconds, hung.
function h.run(script, options)
  options = options or {}
  local base = os.tmpname()
  local file <close> = assert(io.open(base, "w"))
  file:write(script)
  file:close()
  local limit = options.timeout or 20
  local command = ("%s\nexec timeout -k 1 %g %s %s %s >%s.out 2>%s.err </dev/null"):format(
    options.shell or "", limit, options.prefix or "", os.getenv("LUA") or "lua5.4", base, base, base)
  local started = concur.now()
  local _, how, code = os.execute("exec 2>/dev/null; " .. command)
  local r = { seconds = concur.now() - started, out = read(base .. ".out") or "", err = read(base .. ".err") or "" }
  if how == "exit" and code > 128 then how, code = "signal", code - 128 end
  r.hung = how == "exit" and code == 124 or r.seconds >= limit
  if how == "exit" then r.code = code else r.signal = code end
  r.text = ("%s, %s%s after %.2f s\n-- stdout\n%s\n-- stderr\n%s"):format(
    script, r.hung and "hung, " or "", r.code and "status " .. r.code or "signal " .. r.signal,
    r.seconds, r.out:sub(1, 2000), r.err:sub(1, 2000))
  os.remove(base)
  os.remove(base .. ".out")
  os.remove(base .. ".err")
  return r
end

--- As `run`; the script must end with status 0 and no word on stderr. Its output.
function h.output(script, options)
  local r = h.run(script, options)
  if r.hung or r.code ~= 0 or r.err ~= "" then error(r.text, 2) end
  return r.out
end

--- Two texts must be equal; tells the lines that are not.
function h.same_lines(expected, got)
  if expected == got then return end
  local only, lines = {}, {}
  for line in expected:gmatch("[^\n]+") do only[line] = true end
  for line in got:gmatch("[^\n]+") do
    if not only[line] then lines[#lines + 1] = "+ " .. line end
    only[line] = nil
  end
  for line in pairs(only) do lines[#lines + 1] = "- " .. line end
  error("texts differ:\n" .. table.concat(lines, "\n", 1, math.min(#lines, 40)), 2)
end

--- Whether the shell finds a program.
function h.has(program) return (os.execute("command -v " .. program .. " >/dev/null 2>&1")) == true end

--- Compiles a C file against Lua into a new directory. Flags before the file: "-shared -fPIC"
-- for a module; `libraries` for those of a program, `more` before them. Returns directory and path;
-- no compiler: an error.
function h.compile(source, name, flags, libraries, more)
  local pipe <close> = assert(io.popen("mktemp -d"))
  local directory = pipe:read("l")
  local path = directory .. "/" .. name
  local log = directory .. "/log"
  local where = "$(pkg-config --%s lua5.4 2>/dev/null || pkg-config --%s lua-5.4 2>/dev/null || echo %s)"
  local command = ("cc -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread %s -Icsrc %s %s -o %s %s >%s 2>&1"):format(flags,
    where:format("cflags", "cflags", "-I/usr/include/lua5.4"), source, path,
    (more or "") .. " " .. (libraries and where:format("libs", "libs", "-llua5.4") .. " -ldl -lm" or ""), log)
  if not os.execute(command) then error("cannot compile " .. source .. ":\n" .. (read(log) or ""), 2) end
  return directory, path
end

return h
