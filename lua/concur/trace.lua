--- concur.trace: a timeline of what threads and processes did, in the Trace Event format.
--
-- The events are collected in C (core/trace.h). This turns them into JSON when the trace stops: names and
-- ends of threads first, then one line for each event. Source of the format: "Trace Event Format", Google,
-- 2016, as Perfetto and chrome://tracing read it.

local concur = require "concur"
local trace = {}

local DEFAULT_LIMIT = 1000000

local function escape(text)
  text = text:gsub('[%c"\\\127-\255]', function(c)
    return c:byte() >= 128 and c or ("\\u%04x"):format(c:byte())
  end)
  return '"' .. (utf8.len(text) and text or text:gsub("[\128-\255]", "?")) .. '"'
end

-- Times in a file are microseconds from the start. No float: the locale decides how these look.
local function micro(ns) return ("%d.%03d"):format(ns // 1000, ns % 1000) end

-- Writes events one by one; `first` and `comma` as JSON wants them.
local function writer(file)
  local comma = ""
  return function(format, ...)
    assert(file:write(comma, format:format(...)))
    comma = ",\n"
  end
end

-- What runs from a time to another in one thread.
local function span(put, start, e, category, name)
  put('{"ph":"X","cat":"%s","name":%s,"pid":%d,"tid":%d,"ts":%s,"dur":%s}', category, escape(name), e.pid, e.ident,
    micro(e.time - start), micro(e.span))
end

local writers = {}

function writers.wait(put, start, e)
  local name = "sleep"
  if e.of == "loop" then
    name = "wait for tasks and I/O"
  elseif e.of then
    name = ("wait %s #%d"):format(e.of, e.object)
  end
  span(put, start, e, "wait", name)
end

function writers.task(put, start, e)
  span(put, start, e, "task", (e.of == "loop" and "task 0x%x" or "task of pool #%d"):format(e.object))
end

-- Locks are held across each other, which the slices of one thread are not.
function writers.hold(put, start, e)
  for _, edge in ipairs { { "b", e.time }, { "e", e.time + e.span } } do
    put('{"ph":"%s","cat":"lock","id":"0x%x","name":"held %s #%d","pid":%d,"tid":%d,"ts":%s,"args":{"thread":%d}}',
      edge[1], e.object, e.of, e.object, e.pid, e.ident, micro(edge[2] - start), e.ident)
  end
end

function writers.depth(put, start, e)
  put('{"ph":"C","name":"%s #%d","pid":%d,"tid":%d,"ts":%s,"args":{"items":%d}}', e.of, e.object, e.pid, e.ident,
    micro(e.time - start), e.number)
end

-- Threads and processes by what their events say: names, begins, ends.
local function learn(start, stop)
  local threads, processes, ends = {}, {}, {}
  for kind, time, pid, ident, text in concur._trace_events() do
    if kind == "process" then
      processes[pid] = text
    elseif kind == "thread" then
      threads[ident] = threads[ident] or { name = text, pid = pid, time = math.max(time, start), stop = stop }
    elseif kind == "end" then
      ends[ident] = time -- a name may come later, from another thread
    end
    if not processes[pid] then processes[pid] = ("Process %d"):format(pid) end
  end
  for ident, t in pairs(threads) do t.stop = math.max(ends[ident] or stop, t.time) end
  return threads, processes
end

local function write(file, start, stop, dropped)
  local threads, processes = learn(start, stop)
  local put, seconds = writer(file), ("%d.%09d"):format((stop - start) // 1000000000, (stop - start) % 1000000000)
  assert(file:write('{"displayTimeUnit":"ms","otherData":{"producer":"concur ', concur.info().version, '","dropped":',
    dropped, ',"seconds":', seconds, '},"traceEvents":[\n'))
  for pid, name in pairs(processes) do
    put('{"ph":"M","name":"process_name","pid":%d,"tid":0,"args":{"name":%s}}', pid, escape(name))
  end
  for ident, t in pairs(threads) do
    put('{"ph":"M","name":"thread_name","pid":%d,"tid":%d,"args":{"name":%s}}', t.pid, ident, escape(t.name))
    span(put, start, { pid = t.pid, ident = ident, time = t.time, span = t.stop - t.time }, "thread", t.name)
  end
  for kind, time, pid, ident, span_or_text, of, object, number in concur._trace_events() do
    local f = writers[kind]
    if f then
      f(put, start, { time = time, pid = pid, ident = ident, span = span_or_text, of = of, object = object,
        number = number })
    end
  end
  assert(file:write "\n]}\n")
end

--- Begins a trace of all threads and processes of the program. Ends when `stop` is called, in any of them.
-- @tparam string path the file that `stop` writes: JSON, or a page to look at if it ends with ".html"
-- @tparam[opt] table options `limit`: events kept, 1,000,000 unless told: the first ones
-- @treturn boolean true
-- @raise when a trace goes on, or the file cannot be written
function trace.start(path, options)
  if type(path) ~= "string" then
    error(("bad argument #1 to 'start' (string expected, got %s)"):format(type(path)), 2)
  end
  if options ~= nil and type(options) ~= "table" then
    error(("bad argument #2 to 'start' (table expected, got %s)"):format(type(options)), 2)
  end
  local limit = options and options.limit or DEFAULT_LIMIT
  if math.type(limit) ~= "integer" or limit < 1 then
    error("bad option 'limit' (a positive integer expected)", 2)
  end
  for name in pairs(options or {}) do
    if name ~= "limit" then error(("unknown option '%s' for a trace"):format(name), 2) end
  end
  if path:find "\0" then error("bad argument #1 to 'start' (a path has no zero bytes)", 2) end
  local file, message = io.open(path, "a") -- what is there stays if a trace goes on
  if not file then error(("cannot write the trace: %s"):format(message), 2) end
  file:close()
  local ok, begun = pcall(concur._trace_start, limit, path)
  if not ok then error(begun, 2) end
  if not begun then error("a trace goes on already", 2) end
  return true
end

-- Has `fn` write a file; true, or nil and why that failed, be it at the close.
local function create(path, fn)
  local file <close>, message = io.open(path, "w")
  if not file then return nil, message end
  local ok, err = concur.pcall(fn, file)
  local closed, why = file:close()
  if not ok then return nil, err end
  return closed, ("%s: %s"):format(path, why)
end

local function read(path)
  local file <close>, message = io.open(path, "r")
  if not file then return nil, message end
  local json = file:read "a"
  if json and json:find '^{"displayTimeUnit"' then return json end
  return nil, ("%s is not a trace of concur"):format(path)
end

local function make_page(path, page)
  local json, message = read(path)
  if not json then return nil, message end
  local before, after = require("concur.trace.page"):match "^(.-)@TRACE@(.*)$"
  return create(page, function(file)
    -- in a script element no text may look like an element or a comment
    assert(file:write(before, (json:gsub("<", "\\u003c")), after))
  end)
end

--- Ends the trace and writes its file.
-- @treturn string the path
-- @raise when none goes on, or the file cannot be written
function trace.stop()
  local _ <close>, path, start, stop, dropped = concur._trace_stop()
  if not path then error("no trace goes on", 2) end
  local html = path:find "%.html$"
  local buffer = html and os.tmpname() or path
  local _ <close> = setmetatable({}, { __close = function() return html and os.remove(buffer) end })
  local ok, message = create(buffer, function(file) write(file, start, stop, dropped) end)
  if ok and html then ok, message = make_page(buffer, path) end
  if not ok then error(("cannot write the trace: %s"):format(message), 2) end
  return path
end

--- Makes a page of a trace's file: all in one, to be opened by any browser.
-- @tparam string path a file that `stop` has written
-- @tparam string page the file to write
-- @treturn string page
function trace.page(path, page)
  local ok, message = make_page(path, page)
  if not ok then error(message, 2) end
  return page
end

return trace
