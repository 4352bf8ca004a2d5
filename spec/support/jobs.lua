-- Runs commands for the test runners: each in a process group of its own, with a
-- time limit, standard input empty and output in a file. What a job leaves behind
-- (a hang, a crash, processes that outlive it) is told, and removed.

local jobs = {}

--- Quotes a string for the shell.
function jobs.quote(s)
  return "'" .. s:gsub("'", [['\'']]) .. "'"
end

--- Output lines of a shell command.
function jobs.lines(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

--- The text of a file, or "".
function jobs.read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

--- Reads `--name=value` options (`--name` alone is true) from `argv` over the
-- defaults; an unknown one ends the program. Returns options and the other words.
function jobs.options(argv, defaults)
  local options, words = {}, {}
  for name, value in pairs(defaults) do options[name] = value end
  for _, word in ipairs(argv) do
    local name, value = word:match("^%-%-(%a+)=(.*)$")
    name = name or word:match("^%-%-(%a+)$")
    if not name then
      words[#words + 1] = word
    elseif defaults[name] == nil then
      io.stderr:write(argv[0], ": unknown option --", name, "\n")
      os.exit(2)
    else
      options[name] = value or true
    end
  end
  return options, words
end

--- Writes "passed failed" where `make test` adds it up.
function jobs.save(path, passed, failed)
  if path == "" then return end
  local file = assert(io.open(path, "w"))
  file:write(passed, " ", failed, "\n")
  file:close()
end

--- The start of a command that lets `lua` use the tree uninstalled.
function jobs.environment(options)
  local here = jobs.lines("pwd")[1]
  local build = options.build:match("^/") and options.build or here .. "/" .. options.build
  local path = os.getenv("LUA_PATH_5_4") or os.getenv("LUA_PATH") or ";;"
  local cpath = os.getenv("LUA_CPATH_5_4") or os.getenv("LUA_CPATH") or ";;"
  return table.concat({
    "env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_INIT -u LUA_INIT_5_4",
    "LUA_PATH=" .. jobs.quote(("%s/lua/?.lua;%s/lua/?/init.lua;%s"):format(here, here, path)),
    "LUA_CPATH=" .. jobs.quote(("%s/?.so;%s"):format(build, cpath)),
    "LUA=" .. jobs.quote(options.lua),
  }, " ")
end

-- Seconds since some moment: the system's uptime, to a hundredth.
local function now()
  return tonumber(jobs.read("/proc/uptime"):match("^%S+")) or os.time()
end

-- Living processes of a group, as "pid (name)"; zombies are not ours to reap.
local function members(group)
  local list = {}
  if not os.execute(("kill -0 -%d 2>/dev/null"):format(group)) then return list end
  for _, line in ipairs(jobs.lines("cat /proc/[0-9]*/stat 2>/dev/null")) do
    local pid, name, state, pgrp = line:match("^(%d+) (%b()) (%a) %d+ (%d+)")
    if tonumber(pgrp) == group and state ~= "Z" then list[#list + 1] = pid .. " " .. name end
  end
  return list
end

-- What outlived a job's first process; a short while is allowed for ending.
local function left_behind(group)
  local left = members(group)
  for _ = 1, 20 do
    if #left == 0 then return left end
    os.execute("sleep 0.1")
    left = members(group)
  end
  os.execute(("kill -KILL -%d 2>/dev/null"):format(group))
  return left
end

local function start(job, options)
  job.output_path = job.base .. ".out"
  job.started = now()
  local command = ("echo $$; exec timeout -k 5 %s %s </dev/null >%s 2>&1"):format(
    options.timeout, job.command, jobs.quote(job.output_path))
  job.pipe = assert(io.popen("exec sh -c " .. jobs.quote(command)))
  job.group = tonumber(job.pipe:read("l")) -- timeout makes itself the leader of a group
end

local function finish(job, options)
  job.pipe:read("a")
  local _, how, code = job.pipe:close()
  job.seconds = now() - job.started
  if how == "exit" and code > 128 then how, code = "signal", code - 128 end
  if (how == "exit" and code == 124 or how == "signal" and code == 9) and job.seconds >= options.timeout - 1 then
    job.trouble = ("still running after %g s: killed"):format(options.timeout)
  elseif how == "signal" then
    job.trouble = "killed by signal " .. code
  elseif code ~= 0 then
    job.trouble = "exit status " .. code
  end
  local left = left_behind(job.group)
  if #left > 0 then job.left = "left processes behind: " .. table.concat(left, ", ") end
  job.code = how == "exit" and code or nil
  job.output = jobs.read(job.output_path)
end

--- Runs a list of jobs `{base=, command=}` in order, up to `options.jobs` at a
-- time, each for at most `options.timeout` seconds; calls `done(job)` in order
-- with these fields added: `seconds`, `output`, `code` (exit status, nil after a
-- signal), `trouble` (nil when the status was 0) and `left` (nil unless processes
-- stayed behind).
function jobs.run(list, options, done)
  local width = math.max(1, options.jobs)
  for i = 1, #list + width - 1 do
    if list[i] then start(list[i], options) end
    local oldest = list[i - width + 1]
    if oldest then
      finish(oldest, options)
      done(oldest)
    end
  end
end

return jobs
