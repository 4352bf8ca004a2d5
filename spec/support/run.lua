-- Runs the specs, each file in a fresh interpreter under busted:
--
--   lua5.4 spec/support/run.lua [options] [files…]
--     --stress         the specs in spec/stress instead of the others
--     --jobs=N         files at a time (1: some specs measure time)
--     --timeout=S      seconds a file may take (120)
--     --filter=PATTERN only tests whose names match
--     --without=PATTERN|…  not those whose names match one of these
--     --build=DIR      where concur.so is (build)
--     --lua=COMMAND    the interpreter
--     --wrap=COMMAND   goes before the interpreter: valgrind, env LD_PRELOAD=…
--     --results=FILE   gets "passed failed"
--
-- A file that crashes, hangs, ends early, runs no test or leaves processes behind
-- counts as one failure more. A pending test is a failed one.
--
-- busted gives spec files an environment table of their own. To concur that is a
-- table like any other, so functions of a spec would drag it along when they are
-- sent to a thread. Here specs run in the real globals instead.

local here = arg[0]:match("^(.*)/[^/]*$")
package.path = here .. "/?.lua;" .. package.path
local jobs = require "jobs"

-- {== inside the process of one file

-- Stands in for busted.environment: names such as `it` are found through the
-- metatable of _G, what a spec itself sets lands in _G.
local function environment(context)
  local function find(element, key)
    if not element then return nil end
    local value = element.env and element.env[key]
    if value ~= nil then return value end
    return find(context.parent(element), key)
  end
  setmetatable(_G, { __index = function(_, key) return find(context.get(), key) end })
  return {
    wrap = function(fn) return fn end,
    set = function(key, value)
      local env = context.get("env") or {}
      context.set("env", env)
      env[key] = value
      if rawget(_G, key) ~= nil then _G[key] = value end -- luassert's assert
    end,
  }
end

-- A busted output handler that notes each test in the report as it starts and as
-- it ends, so that nothing is lost in a crash, and prints failures in full.
local function output_handler(path)
  local report = assert(io.open(path, "w"))
  local function note(mark, name)
    report:write(mark, " ", (name:gsub("%c", " ")), "\n")
    report:flush()
  end
  return function(options)
    local busted = require "busted"
    local handler = require "busted.outputHandlers.base" ()
    local pretty = require "pl.pretty"

    local function show(element, parent, message, trace, is_error)
      local f = handler.format(element, parent, message, trace, is_error)
      local at = f.trace and f.trace.short_src and ("%s:%s"):format(f.trace.short_src, f.trace.currentline) or "?"
      local text = f.message
      if text == nil then text = "failed" end
      if type(text) ~= "string" then text = pretty.write(text) end
      io.stdout:write(is_error and "ERROR " or "FAILED ", f.name, "\n  at ", at, "\n", text, "\n")
      if f.trace and f.trace.traceback then io.stdout:write(f.trace.traceback, "\n") end
      io.stdout:write("\n")
      io.stdout:flush()
      if element.descriptor ~= "it" then note("failed", f.name) end
      return nil, true
    end

    busted.subscribe({ "test", "start" }, function(element)
      note("start", handler.getFullName(element))
      return nil, true
    end)
    busted.subscribe({ "test", "end" }, function(element, _, status)
      local name = handler.getFullName(element)
      note(status == "success" and "passed" or "failed", name)
      if status == "pending" then io.stdout:write("PENDING ", name, "\n\n") end
      return nil, true
    end)
    busted.subscribe({ "failure" }, function(element, parent, message, trace)
      return show(element, parent, message, trace, false)
    end)
    busted.subscribe({ "error" }, function(element, parent, message, trace)
      return show(element, parent, message, trace, true)
    end)
    busted.subscribe({ "suite", "end" }, function()
      note("end", "")
      return nil, true
    end)
    handler.options = options
    return { subscribe = function() require "busted.languages.en" end }
  end
end

-- Only this part runs in the process of a spec file, which then ends as any
-- script does: the state is closed, and closing waits for threads.
if arg[1] == "--file" then
  local file, report, filter, without = table.unpack(arg, 2, 5)
  package.path = package.path:gsub("^[^;]*;", "", 1) -- specs see what users see
  package.loaded.jobs = nil
  package.preload["busted.environment"] = function() return environment end
  package.preload["busted.outputHandlers.concur"] = function() return output_handler(report) end
  arg = { [0] = "busted", "--output=concur", "--lpath=", "--cpath=", file }
  if filter ~= "" then table.insert(arg, 1, "--filter=" .. filter) end
  for pattern in without:gmatch "[^|]+" do table.insert(arg, 1, "--filter-out=" .. pattern) end
  require "busted.runner" { standalone = false }
  return
end

-- ==} {== the driver

local options, files = jobs.options(arg, {
  stress = false, jobs = 1, timeout = 120, filter = "", without = "", build = "build", lua = arg[-1], wrap = "",
  results = "",
})
options.jobs, options.timeout = tonumber(options.jobs), tonumber(options.timeout)

if #files == 0 then
  local where = options.stress and "spec/stress" or "spec -path spec/stress -prune -o"
  files = jobs.lines(("find %s -name '*_spec.lua' -print | LC_ALL=C sort"):format(where))
end

local work = options.build .. "/spec"
os.execute("mkdir -p " .. jobs.quote(work))

local prefix = jobs.environment(options) .. " " .. options.wrap
local list = {}
for i, file in ipairs(files) do
  local base = ("%s/%s"):format(work, (file:gsub("%.lua$", ""):gsub("[^%w_]", "-")))
  local words = { options.lua, "spec/support/run.lua", "--file", jobs.quote(file), jobs.quote(base .. ".report") }
  words[#words + 1] = jobs.quote(options.filter)
  words[#words + 1] = jobs.quote(options.without)
  os.remove(base .. ".report")
  list[i] = { file = file, base = base, command = prefix .. " " .. table.concat(words, " ") }
end

local passed, failed = 0, 0

local function report(job)
  local p, f, running, ended = 0, 0, nil, false
  for mark, name in jobs.read(job.base .. ".report"):gmatch("(%a+) ([^\n]*)\n") do
    if mark == "start" then running = name end
    if mark == "passed" then p, running = p + 1, nil end
    if mark == "failed" then f, running = f + 1, nil end
    if mark == "end" then ended = true end
  end
  local troubles = {}
  -- busted's own status for failed tests is 1, and they are counted already
  if job.trouble and not (ended and f > 0 and job.code == 1) then
    troubles[1] = job.trouble .. (running and ", in: " .. running or ended and ", after the last test" or "")
  elseif not ended then
    troubles[1] = "ended early" .. (running and ", in: " .. running or "")
  elseif p + f == 0 and options.filter == "" and options.without == "" then
    troubles[1] = "no test ran"
  end
  troubles[#troubles + 1] = job.left
  f = f + #troubles
  passed, failed = passed + p, failed + f

  local counts = f > 0 and ("%d passed, %d failed"):format(p, f) or ("%d passed"):format(p)
  print(("%-6s %-44s %-22s %6.2f s"):format(f > 0 and "FAILED" or "ok", job.file, counts, job.seconds))
  if f > 0 then
    for line in job.output:gmatch("[^\n]*\n?") do io.write(line ~= "" and "    | " or "", line) end
    if not job.output:find("\n$") and job.output ~= "" then io.write("\n") end
    for _, trouble in ipairs(troubles) do print("    ** " .. job.file .. ": " .. trouble) end
  end
  io.stdout:flush()
end

jobs.run(list, options, report)
if #list == 0 then
  print("no specs found")
  failed = 1
end
print(("specs: %d passed, %d failed"):format(passed, failed))
jobs.save(options.results, passed, failed)
os.exit(failed == 0 and passed > 0)

-- ==}
