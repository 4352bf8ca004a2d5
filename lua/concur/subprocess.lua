--- Other programs: `concur.subprocess.run` and `concur.subprocess.popen`.
--
-- Programs are started without a shell, in a process group of their own. While a call waits it
-- keeps all pipes moving, so that neither side can block the other. Waits are interrupted as
-- all of concur's are.
-- @module concur.subprocess
local concur = require "concur"

local subprocess = {}

local IN, OUT, ERR = 0, 1, 2
local KILL = 9

-- Seconds that a killed group has to be gone.
local GRACE = 2

-- {== options

local run_options = {
  input = "string", timeout = "time", cwd = "string", env = "table", check = "boolean", capture = "boolean",
  limit = "number", stdin = "stream", stdout = "stream", stderr = "stream",
}
local popen_options = {cwd = "string", env = "table", stdin = "stream", stdout = "stream", stderr = "stream"}

local streams = {pipe = true, null = true, inherit = true}

local function is_stream(value)
  if io.type(value) == "closed file" then return false, "a closed file" end
  return streams[value] or io.type(value) == "file", ("%q"):format(tostring(value))
end

-- What is wrong with a timeout, or nil.
local function time_trouble(value)
  if type(value) == "boolean" then return nil end
  if type(value) ~= "number" then return ("number, boolean or nil expected, got %s"):format(type(value)) end
  if value ~= value then return "time is not a number (NaN)" end
  return value < 0 and "time must not be negative" or nil
end

-- The end of a timeout, or nil when there is none.
local function deadline_of(timeout, from)
  if timeout == nil or timeout == true or timeout == math.huge then return nil end
  return from + (timeout or 0)
end

local function check_option(name, value, wanted)
  if not wanted then error(("unknown option '%s' for a subprocess"):format(tostring(name)), 4) end
  if wanted == "stream" then
    local ok, what = is_stream(value)
    if not ok then
      error(("bad option '%s' (\"pipe\", \"null\", \"inherit\" or an open file expected, got %s)"):format(
        name, what), 4)
    end
  elseif wanted == "time" then
    local trouble = time_trouble(value)
    if trouble then error(("bad option '%s' (%s)"):format(name, trouble), 4) end
  elseif type(value) ~= wanted then
    error(("bad option '%s' (%s expected, got %s)"):format(name, wanted, type(value)), 4)
  elseif wanted == "number" and (value < 0 or value ~= value) then
    error(("bad option '%s' (a number that is not negative expected)"):format(name), 4)
  end
end

local function no_zero(text, what, level)
  if text:find("\0", 1, true) then error(("%s contains a zero byte"):format(what), level) end
  return text
end

-- The program and its arguments as strings.
local function arguments_of(options)
  local list = {}
  for i = 1, #options do
    local value = options[i]
    if type(value) ~= "string" and type(value) ~= "number" then
      error(("bad argument #%d of the program (string expected, got %s)"):format(i, type(value)), 4)
    end
    list[i] = no_zero(tostring(value), ("argument #%d of the program"):format(i), 5)
  end
  if #list == 0 then error("a program is missing", 4) end
  return list
end

local function environment_of(env)
  if not env then return nil end
  local list = {}
  for name, value in pairs(env) do
    if type(name) ~= "string" or name == "" or name:find("=", 1, true) then
      error("bad option 'env' (names are strings without '=')", 4)
    end
    if type(value) ~= "string" and type(value) ~= "number" then
      error(("bad option 'env' (a string for '%s' expected, got %s)"):format(name, type(value)), 4)
    end
    list[#list + 1] = no_zero(name .. "=" .. tostring(value), ("the environment variable '%s'"):format(name), 5)
  end
  return list
end

local function check_table(options, name)
  if type(options) == "table" then return end
  local what = options == nil and "no value" or type(options)
  error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, what), 3)
end

local function start(options, known, defaults)
  for name, value in pairs(options) do
    if math.type(name) ~= "integer" then check_option(name, value, known[name]) end
  end
  local arguments, environment = arguments_of(options), environment_of(options.env)
  if options.cwd then no_zero(options.cwd, "the working directory", 4) end
  local program, message, about_directory = concur._start_program(arguments, environment, options.cwd,
    options.stdin or defaults[IN], options.stdout or defaults[OUT], options.stderr or defaults[ERR])
  if program then return program end
  if about_directory then return nil, ("cannot work in %s: %s"):format(options.cwd, message) end
  return nil, ("cannot run %s: %s"):format(arguments[1], message)
end

-- ==} {== results

local function more(program, stream)
  local _, open = program:available(stream)
  return open
end

-- What a program that has ended is told of as; the streams are what was not taken yet.
local function result_of(program, has)
  local ended, code = program:status()
  local result = {}
  if ended and code >= 0 then result.code = code end
  if ended and code < 0 then result.signal = -code end
  if has[OUT] then result.stdout = program:take(OUT) end
  if has[ERR] then result.stderr = program:take(ERR) end
  return result
end

-- Waits until something happens, at most so many seconds, and moves what can be moved. In a task of an event loop the
-- others go on meanwhile.
local function step(program, seconds)
  if seconds ~= 0 and concur._in_task() then
    local list, most = program:descriptors()
    require "concur.async.ready"(list, most and math.min(most, seconds or most) or seconds)
    seconds = 0
  end
  return program:step(seconds)
end

-- Kills the group and collects what is left, for a moment.
local function kill(program)
  program:signal(KILL)
  concur.shield(function()
    local deadline = concur.now() + GRACE
    while not program:status() and concur.now() < deadline do step(program, 0.01) end
    step(program, 0)
  end)
end

-- Moves all until the program has ended and its output is at its end. Returns nil or why not.
local function finish(program, deadline, limit)
  while true do
    local ended = program:status()
    if ended and not more(program, OUT) and not more(program, ERR) then return nil end
    if limit and (program:available(OUT) > limit or program:available(ERR) > limit) then
      return "output limit exceeded"
    end
    local rest = deadline and deadline - concur.now()
    if rest and rest <= 0 then return "timeout" end
    step(program, rest)
  end
end

-- ==}

local function pipes(options, defaults)
  return {
    [OUT] = (options.stdout or defaults[OUT]) == "pipe",
    [ERR] = (options.stderr or defaults[ERR]) == "pipe",
  }
end

local function fail(options, result)
  local how = result.code and ("ended with code %d"):format(result.code) or
    ("was ended by signal %d"):format(result.signal or 0)
  local tail = (result.stderr or ""):sub(-500):gsub("%s+$", "")
  error(("%s %s%s"):format(options[1], how, tail ~= "" and ": " .. tail or ""), 3)
end

--- Runs a program and waits for its end.
-- @tparam table options the program and its arguments, and options by name: `input`, `timeout`
-- (seconds), `cwd`, `env`, `check`, `capture`, `limit`, `stdin`, `stdout`, `stderr`
-- @treturn[1] table `{code=, signal=, stdout=, stderr=}`
-- @treturn[2] nil
-- @treturn[2] string why it could not be started, "timeout" or "output limit exceeded"
-- @treturn[2] ?table the result so far
-- @raise for mistakes in the options; with `check`, for a program that fails
-- @usage
-- local result = concur.subprocess.run {"sort", input = "b\na\n"}
-- print(result.code, (result.stdout:gsub("\n", " "))) --> 0  a b
function subprocess.run(options)
  check_table(options, "run")
  local capture, input = options.capture ~= false, options.input
  local output = capture and "pipe" or "inherit"
  local defaults = {[IN] = input and "pipe" or "null", [OUT] = output, [ERR] = output}
  if input and options.stdin and options.stdin ~= "pipe" then
    error("bad option 'stdin' (there is an input)", 2)
  end
  local began = concur.now()
  local program, message = start(options, run_options, defaults)
  if not program then
    if options.check then error(message, 2) end
    return nil, message
  end
  local has, done = pipes(options, defaults), false
  local _ <close> = program
  local _ <close> = setmetatable({}, {__close = function() if not done then kill(program) end end})
  if input then program:feed(input) end
  program:close_stdin()
  local trouble = finish(program, deadline_of(options.timeout, began), options.limit)
  if trouble then kill(program) end
  done = true
  local result = result_of(program, has)
  if trouble then
    if options.check then error(("%s: %s"):format(options[1], trouble), 2) end
    return nil, trouble, result
  end
  if options.check and result.code ~= 0 then fail(options, result) end
  return result
end

-- {== popen

local Program = {}
Program.__index = Program
Program.__name = "concur.subprocess"

function Program:__tostring()
  local ended = self._program:status()
  return ("concur.subprocess: %d (%s, %s)"):format(self.pid, self._name, ended and "ended" or "running")
end

--- Sends all bytes to the program's stdin; meanwhile its output is collected.
-- Returns the program, or nil and "closed" when it reads no more.
function Program:write(...)
  local program = self._program
  for i = 1, select("#", ...) do
    local text = (select(i, ...))
    if type(text) ~= "string" and type(text) ~= "number" then
      error(("bad argument #%d to 'write' (string expected, got %s)"):format(i, type(text)), 2)
    end
    if not program:feed(tostring(text)) then return nil, "closed" end
  end
  while true do
    local waiting, open = program:available(IN)
    if not open then return nil, "closed" end
    if waiting == 0 then return self end
    step(program)
  end
end

--- Closes the program's stdin once all is sent.
function Program:close_stdin() self._program:close_stdin() end

-- Waits for more of a stream; false at its end.
local function await(program, stream)
  local before, open = program:available(stream)
  while open do
    step(program)
    local now
    now, open = program:available(stream)
    if now > before then return true end
  end
  return false
end

local readers = {}

local function read_line(program, stream, keep)
  local from = 1
  while true do
    local at = program:find_line(stream, from)
    if at then
      local line = program:take(stream, at)
      return keep and line or line:sub(1, -2)
    end
    from = program:available(stream) + 1
    if not await(program, stream) then break end
  end
  if program:available(stream) == 0 then return nil end
  return program:take(stream)
end

function readers.l(program, stream) return read_line(program, stream, false) end

function readers.L(program, stream) return read_line(program, stream, true) end

function readers.a(program, stream)
  while await(program, stream) do end
  return program:take(stream)
end

-- A numeral of at most 200 characters, as files read it.
function readers.n(program, stream)
  local function next_byte()
    if program:available(stream) == 0 and not await(program, stream) then return "" end
    return program:peek(stream)
  end
  while next_byte():find "^%s" do program:take(stream, 1) end
  local numeral = ""
  while #numeral < 200 and next_byte():find "^[%w.+-]" do numeral = numeral .. program:take(stream, 1) end
  return tonumber(numeral)
end

local function read_count(program, stream, n)
  local least = math.max(n, 1) -- none, to tell the end from the rest, as files do
  while program:available(stream) < least and await(program, stream) do end
  if program:available(stream) == 0 then return nil end
  return program:take(stream, n)
end

-- Tail-called by the methods, so that level 2 is their caller.
local function read(self, stream, formats)
  local results = {n = formats.n}
  for i = 1, formats.n do
    local format = formats[i]
    if math.type(format) == "integer" and format >= 0 then
      results[i] = read_count(self._program, stream, format)
    else
      local reader = type(format) == "string" and readers[format:gsub("^%*", ""):sub(1, 1)]
      if not reader then error("bad argument #" .. i .. " to 'read' (invalid format)", 2) end
      results[i] = reader(self._program, stream)
    end
    if results[i] == nil then break end
  end
  return table.unpack(results, 1, results.n)
end

local function formats_of(...) return select("#", ...) == 0 and {n = 1, "l"} or table.pack(...) end

--- Reads from the program's stdout, in the formats of Lua's `file:read`; nil at its end.
function Program:read(...) return read(self, OUT, formats_of(...)) end

--- The same from its stderr.
function Program:read_stderr(...) return read(self, ERR, formats_of(...)) end

--- An iterator over the lines of the program's stdout, or what the formats say.
function Program:lines(...)
  local formats = formats_of(...)
  return function() return read(self, OUT, formats) end
end

--- Waits for the program's end, and its output's; closes its stdin before when there is no timeout.
-- Returns what `run` does, with the output that was not read; or nil and "timeout".
function Program:wait(timeout)
  local trouble = timeout ~= nil and time_trouble(timeout)
  if trouble then error(("bad argument #1 to 'wait' (%s)"):format(trouble), 2) end
  if self._result then return self._result end
  local deadline = deadline_of(timeout, concur.now())
  if not deadline then self._program:close_stdin() end
  trouble = finish(self._program, deadline)
  if trouble then return nil, trouble end
  self._result = result_of(self._program, self._has)
  return self._result
end

--- Sends a signal (default 9, SIGKILL) to the program's group; returns whether it was there.
function Program:kill(signal) return self._program:signal(signal or KILL) end

--- At the end of its scope a program that still runs is killed.
function Program:__close()
  if not self._program:status() then kill(self._program) end
  self._result = self._result or result_of(self._program, self._has)
end

--- Starts a program and returns at once.
-- @tparam table options the program and its arguments, and options by name: `cwd`, `env`, `stdin`, `stdout`, `stderr`
-- @treturn[1] table the program: `write`, `read`, `lines`, `close_stdin`, `wait`, `kill`, `pid`
-- @treturn[2] nil
-- @treturn[2] string why it could not be started
-- @usage
-- local sorter <close> = assert(concur.subprocess.popen {"sort"})
-- sorter:write("b\n", "a\n")
-- sorter:close_stdin()
-- print(sorter:read(), sorter:read()) --> a  b
function subprocess.popen(options)
  check_table(options, "popen")
  local defaults = {[IN] = "pipe", [OUT] = "pipe", [ERR] = "pipe"}
  local program, message = start(options, popen_options, defaults)
  if not program then return nil, message end
  return setmetatable({_program = program, _has = pipes(options, defaults), _name = tostring(options[1]),
                       pid = program:pid()}, Program)
end

-- ==}

return subprocess
