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

-- Times in a file are microseconds from the start.
local function micro(ns) return ("%.3f"):format(ns / 1000) end

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
  local threads, processes = {}, {}
  for kind, time, pid, ident, text in concur._trace_events() do
    if kind == "process" then
      processes[pid] = text
    elseif kind == "thread" then
      threads[ident] = threads[ident] or { name = text, pid = pid, time = math.max(time, start), stop = stop }
    elseif kind == "end" and threads[ident] then
      threads[ident].stop = time
    end
    if not processes[pid] then processes[pid] = ("Process %d"):format(pid) end
  end
  return threads, processes
end

local function write(file, start, stop, dropped)
  local threads, processes = learn(start, stop)
  local put = writer(file)
  assert(file:write('{"displayTimeUnit":"ms","otherData":{"producer":"concur ', concur.info().version, '","dropped":',
    dropped, ',"seconds":', ("%.6f"):format((stop - start) / 1e9), '},"traceEvents":[\n'))
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
  local limit = options and options.limit or DEFAULT_LIMIT
  if math.type(limit) ~= "integer" or limit < 1 then
    error("bad option 'limit' (a positive integer expected)", 2)
  end
  for name in pairs(options or {}) do
    if name ~= "limit" then error(("unknown option '%s' for a trace"):format(name), 2) end
  end
  local file, message = io.open(path, "w")
  if not file then error(("cannot write the trace: %s"):format(message), 2) end
  file:close()
  if not concur._trace_start(limit, path) then error("a trace goes on already", 2) end
  return true
end

--- Ends the trace and writes its file.
-- @treturn string the path
-- @raise when none goes on, or the file cannot be written
function trace.stop()
  local path, start, stop, dropped = concur._trace_stop()
  if not path then error("no trace goes on", 2) end
  local html = path:find "%.html$"
  local buffer = html and os.tmpname() or path
  local file, message = io.open(buffer, "w")
  if not file then error(("cannot write the trace: %s"):format(message), 2) end
  local ok, err = pcall(write, file, start, stop, dropped)
  file:close()
  if ok and html then ok, err = pcall(trace.page, buffer, path) end
  if html then os.remove(buffer) end
  if not ok then error(err, 2) end
  return path
end

--- Makes a page of a trace's file: all in one, to be opened by any browser.
-- @tparam string path a file that `stop` has written
-- @tparam string page the file to write
function trace.page(path, page)
  local file, message = io.open(path, "r")
  if not file then error(message, 2) end
  local json = file:read "a"
  file:close()
  if not json:find '^{"displayTimeUnit"' then error(("%s is not a trace of concur"):format(path), 2) end
  file, message = io.open(page, "w")
  if not file then error(message, 2) end
  local template = require "concur.trace.page"
  local before, after = template:match "^(.-)@TRACE@(.*)$"
  -- in a script element no text may look like its end
  assert(file:write(before, (json:gsub("</", "<\\/")), after))
  file:close()
  return page
end

return trace
