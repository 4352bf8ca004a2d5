--- Messages of all threads and processes, to one place: `concur.log`.
--
-- Settings belong to the family and are seen by all that runs. The functions of the levels are in C and look at the
-- level there: Lua code runs for what is written only. A message is formatted here and goes out in one write.
-- @module concur.log
local concur = require "concur"

local log = {}

-- {== levels

local numbers = {debug = -1, info = 0, warning = 1, error = 2, off = 3}
local names = {}
for name, number in pairs(numbers) do names[number] = name end

-- ==} {== formats

local DEFAULT = "{time} {level} {thread} {process} {message}"

-- The second that was last asked for, as text.
local second, second_text

local fields = {
  time = function()
    local seconds, milliseconds = concur._log_time()
    if seconds ~= second then second, second_text = seconds, os.date("%Y-%m-%dT%H:%M:%S", seconds) end
    return ("%s.%03d"):format(second_text, milliseconds)
  end,
  level = function(level) return names[level] end,
  thread = function() return concur.current().name end,
  process = function() return concur.current_process().name end,
  message = function(_, message) return message end,
}

-- A format as a list of texts and functions; or nil and the first field that there is not.
local function compile(format)
  local pieces, at = {}, 1
  for from, field, to in format:gmatch "(){([%w_]*)}()" do
    if not fields[field] then return nil, field end
    pieces[#pieces + 1] = format:sub(at, from - 1)
    pieces[#pieces + 1] = fields[field]
    at = to
  end
  pieces[#pieces + 1] = format:sub(at) .. "\n"
  return pieces
end

local parts = {} -- of the message that is being made

local function render(pieces, level, message)
  for i, piece in ipairs(pieces) do
    parts[i] = type(piece) == "string" and piece or piece(level, message)
  end
  return table.concat(parts, "", 1, #pieces)
end

-- ==} {== settings

-- What a message goes to is a path, or a standard stream by its number.
local streams, stream_numbers = {io.stdout, io.stderr}, {[io.stdout] = 1, [io.stderr] = 2}

-- As they were last seen here: version, level, format, pieces (of that), target.
local settings = {}

local function pack(format, target) return string.pack("s4z", format, target) end

local function unpack(text)
  local format, target = string.unpack("s4z", text)
  return format, math.tointeger(target) or target -- a path begins with a slash
end

-- Brings `settings` up to date.
local function look()
  local version, level, text = concur._log_settings(settings.version)
  if not text then return end
  local format, target = DEFAULT, 2
  if text ~= "" then format, target = unpack(text) end
  settings.version, settings.level, settings.target = version, level, target
  if format ~= settings.format then settings.format, settings.pieces = format, compile(format) end
end

-- ==} {== messages

-- Writes at once, and never raises: what cannot be written where it should be goes to standard error.
local function write(target, line)
  if streams[target] and io.type(streams[target]) == "file" then streams[target]:flush() end
  local why = concur._log_append(target, line)
  if why and target ~= 2 then
    concur._log_append(2, ("%sconcur.log: cannot write to %s: %s\n"):format(line,
      streams[target] and "standard output" or target, why))
  end
end

-- Errors of tostring and string.format are those of the caller of the level's function; others pass.
local function fail(level, message)
  local ours = type(message) == "string" and
    (message:find "^bad argument #" or message:find "^invalid " or message:find "^'__tostring' must")
  if not ours then error(message, 0) end
  error((message:gsub("^(bad argument #%d+ to )'[^']*'", ("%%1'%s'"):format(names[level]))), 5)
end

local function text_of(level, n, format, ...)
  if n == 0 then error(("bad argument #1 to '%s' (value expected)"):format(names[level]), 4) end
  if type(format) == "function" then format, n = format(...), 1 end
  if n == 1 and type(format) == "string" then return format end
  local ok, text
  if n == 1 then ok, text = pcall(tostring, format) else ok, text = pcall(string.format, format, ...) end
  if not ok then fail(level, text) end
  return text
end

-- Called by the function of a level, which is called by its user.
local function emit(level, ...)
  local message = text_of(level, select("#", ...), ...)
  look()
  write(settings.target, render(settings.pieces, level, message))
end

--- Messages by level. `format` and what follows are for `string.format`; alone, anything is written as `tostring`
-- has it. A function is called with what follows, and only if the message is to be written.
--
--     concur.log.info("%d of %d done", 3, 10)
--
-- @function debug
-- @function info
-- @function warning
-- @function error
for _, name in ipairs {"debug", "info", "warning", "error"} do
  log[name] = concur._log_function(numbers[name], emit)
end

-- ==} {== configuration

local function quoted(value) return type(value) == "string" and ("%q"):format(value) or tostring(value) end

local function target_of(file)
  if stream_numbers[file] then return stream_numbers[file] end
  if type(file) ~= "string" then
    error(("bad option 'file' (a path, io.stderr or io.stdout expected, got %s)"):format(type(file)), 4)
  end
  if file == "" or file:find("\0", 1, true) then error("bad option 'file' (not a path)", 4) end
  local path = file
  if path:sub(1, 1) ~= "/" then
    local directory = concur._working_directory()
    if not directory then error(("cannot open the log file %s: where is the working directory?"):format(file), 4) end
    path = directory:gsub("/$", "") .. "/" .. path
  end
  local why = concur._log_append(path, "")
  if why then error(("cannot open the log file %s: %s"):format(file, why), 4) end
  return path
end

local known = {
  level = function(level)
    if type(level) ~= "string" then
      error(("bad option 'level' (string expected, got %s)"):format(type(level)), 4)
    end
    return numbers[level] or error(("unknown level %s"):format(quoted(level)), 4)
  end,
  format = function(format)
    if type(format) ~= "string" then
      error(("bad option 'format' (string expected, got %s)"):format(type(format)), 4)
    end
    local pieces, field = compile(format)
    if not pieces then error(("unknown field {%s} in the format of the log"):format(field), 4) end
    return format
  end,
  file = target_of,
}

-- The options as they are kept. The file is opened last, when nothing else can be wrong.
local function check(options)
  local checked = {}
  for name in pairs(options) do
    if not known[name] then error(("unknown option %s of the log"):format(quoted(name)), 3) end
  end
  for _, name in ipairs {"level", "format", "file"} do
    if options[name] ~= nil then checked[name] = known[name](options[name]) end
  end
  return checked
end

--- Sets what the options say for all threads and processes of the family, those that run included, and leaves the
-- rest as it is. Returns the configuration that holds then: {level=, format=, file=}.
--
--     concur.log.config {level = "debug", file = "/tmp/all.log"}
--
function log.config(options)
  if options ~= nil then
    if type(options) ~= "table" then
      error(("bad argument #1 to 'config' (table expected, got %s)"):format(type(options)), 2)
    end
    local new = check(options)
    repeat
      look()
      local done = concur._log_set(settings.version, new.level or settings.level,
        pack(new.format or settings.format, new.file or settings.target))
      if done == nil then error("the format and the path of the log are too long", 2) end
    until done
  end
  look()
  return {level = names[settings.level], format = settings.format, file = streams[settings.target] or settings.target}
end

-- ==}

return log
