-- concur beside what the machine can do: `make bench [ROWS="chan_int …"] [RUNS=5]`
--
-- Each row is a script in bench/rows and a limit in bench/limits. All are run
-- RUNS times, in random order, and medians compared: figures drift from machine to
-- machine and from minute to minute, so goals are ratios within one run. Each run
-- uses fresh copies of both binaries, since where a file's pages lie in memory
-- can make a tight loop half as fast again.
--
--   lua5.4 bench/run.lua [--runs=N] [--build=DIR] [--lua=COMMAND] [--timeout=S] [--markdown=FILE] [rows…]
--
-- With --markdown the rows that have a note go, as a table, into the file, between its lines
-- `<!-- bench: …` and `<!-- bench: end -->`; without names of rows, only those are run. On a machine that is busy with
-- other things the file stays as it is: such figures say nothing.

package.path = "spec/support/?.lua;" .. package.path
local jobs = require "jobs"

-- goal: what concur's figure divided by the limit's must be. `most` bounds the
-- figure itself. `versus`: the limit is another row of concur, with threads. `kind`: between processes.
local rows = {
  { "spawn_join", limit = "lua_spawn", goal = "<= 0.5",
    note = "start and join a thread; the limit makes a kernel thread and a Lua state" },
  { "pingpong", limit = "futex_spin_pingpong", most = 2,
    note = "round trip over two queues; two threads that spin on a word" },
  { "pipe_pingpong", versus = "pingpong", goal = "<= 1.3" },
  { "wait_pingpong", versus = "pingpong" },
  { "chan_int", limit = "lua_chan_int", goal = ">= 1.5",
    note = "integers through a queue; through a ring under a mutex, Lua at both ends" },
  { "chan_int_cap", limit = "lua_chan_int", script = "chan_int", args = "1024" },
  { "chan_int_batch", limit = "lua_chan_batch", goal = ">= 0.7",
    note = "100 integers a call; a block of words through the same ring" },
  { "chan_table", limit = "lua_chan_table", goal = ">= 0.9",
    note = "small tables; the same ring with a minimal copier" },
  { "chan_str1k", limit = "lua_str1k", script = "chan_str", args = "1024 300000", goal = ">= 0.9",
    note = "strings of 1 KiB, one copy less in the limit" },
  { "chan_str1m", limit = "lua_str1m", script = "chan_str", args = "1048576 2000 16", goal = ">= 0.7",
    note = "strings of 1 MiB" },
  { "mpmc", limit = "mpmc_lockfree",
    note = "two putters, two getters; a lock-free ring in C without Lua" },
  { "queue_length", versus = "queue_length", most = 1.5, runs = 2 },
  { "queue_waiters", versus = "queue_waiters", most = 2, runs = 2 },
  { "shared_inc", limit = "lua_atomic_inc", goal = ">= 0.8",
    note = "two threads add to one value; an atomic addition called from Lua" },
  { "dict_pair", limit = "lua_lock_pair", most = 250,
    note = "set and get of a short key of a dict; acquire and release of a mutex from Lua" },
  { "dict_reads", limit = "cpu_par" },
  { "array_get", limit = "lua_method_fast", script = "array_access", args = "get", goal = "<= 1.3",
    note = "an element of an array; the cheapest method call" },
  { "array_set", limit = "lua_method_fast", script = "array_access", args = "set", goal = "<= 1.3" },
  { "array_bytes", limit = "memcpy64m", goal = ">= 0.7" },
  { "lock_uncontended", limit = "lua_lock_pair", goal = "<= 1.1",
    note = "acquire and release; a pthread mutex called from Lua" },
  { "lock_contended", limit = "lua_lock_contended", goal = "<= 1",
    note = "the same, two threads" },
  { "rlock_uncontended", limit = "lua_lock_pair", script = "pair_uncontended", args = "rlock", goal = "<= 1.15" },
  { "sem_uncontended", limit = "lua_lock_pair", script = "pair_uncontended", args = "semaphore", goal = "<= 1.15" },
  { "event_pingpong", versus = "pingpong", goal = "<= 1.2",
    note = "round trip over two events; over two queues" },
  { "cond_pingpong", versus = "pingpong", script = "condition_pingpong", goal = "<= 1.2",
    note = "round trip over a condition; over two queues" },
  { "release_waiters", versus = "release_waiters", most = 0.5, runs = 2 },
  { "spawn_join_process", limit = "fork_wait", script = "spawn_join", kind = "process", goal = "<= 2",
    note = "start and join a process; fork, exit and wait in C" },
  { "chan_int_process", versus = "chan_int", script = "chan_int", kind = "process", goal = ">= 0.77",
    note = "integers between processes; between threads" },
  { "chan_table_process", versus = "chan_table", script = "chan_table", kind = "process", goal = ">= 0.77",
    note = "small tables between processes; between threads" },
  { "chan_str1k_process", versus = "chan_str", script = "chan_str", args = "1024 300000", kind = "process",
    goal = ">= 0.77" },
  { "pingpong_process", versus = "pingpong", script = "pingpong", kind = "process", goal = "<= 1.3",
    note = "round trip between processes; between threads" },
  { "lock_process", versus = "lock_contended", script = "lock_contended", kind = "process", goal = "<= 1.3" },
  { "shared_inc_process", versus = "shared_inc", script = "shared_inc", kind = "process", goal = ">= 0.77" },
  { "pool_map", limit = "lua_map_serial", args = "100000 1", goal = ">= 0.077",
    note = "`x * x` over a list by a pool of two, one item a task; the same loop in one state, without a pool" },
  { "pool_map_chunk", limit = "lua_map_serial", script = "pool_map", goal = ">= 0.51",
    note = "the same, in chunks" },
  { "pool_submit", limit = "futex_spin_pingpong", most = 6,
    note = "a submit and its result; two threads that spin on a word" },
  { "pool_map_process", versus = "pool_map", script = "pool_map", args = "100000 1", kind = "process" },
  { "pool_map_chunk_process", versus = "pool_map", script = "pool_map", kind = "process" },
  { "pool_submit_process", versus = "pool_submit", script = "pool_submit", kind = "process", most = 6 },
  { "async_switch", versus = "async_switch", most = 1 },
  { "trace_cost", versus = "trace_cost", most = 15 },
  { "async_queue", versus = "async_queue", most = 4 },
  { "async_memory", versus = "async_memory", most = 200, runs = 2 },
  { "proxy_call", limit = "tcp_echo_cipher", goal = "<= 2",
    note = "a call of a manager over TCP; the same bytes, sealed, in C" },
  { "proxy_put_many", versus = "proxy_put_many", most = 5, runs = 2 },
  { "fib_par", limit = "cpu_par", runs = 2,
    note = "speed-up of pure Lua on two processors; of pure C" },
  { "fib_pool", limit = "cpu_par", runs = 2, goal = ">= 0.95" },
  { "fib_pool_process", limit = "cpu_par", script = "fib_pool", kind = "process", runs = 2, goal = ">= 0.95" },
}

local options, wanted = jobs.options(arg, { runs = 5, build = "build", lua = arg[-1], timeout = 120, markdown = "" })
local runs = tonumber(options.runs)

if #wanted > 0 then
  local by_name = {}
  for _, row in ipairs(rows) do by_name[row[1]] = row end
  rows = {}
  for i, name in ipairs(wanted) do
    rows[i] = by_name[name]
    if not rows[i] then
      io.stderr:write("no row named ", name, "\n")
      os.exit(2)
    end
  end
end

if options.markdown ~= "" and #wanted == 0 then
  for i = #rows, 1, -1 do
    if not rows[i].note then table.remove(rows, i) end
  end
end

-- Processes that wanted a processor in the last minute, before we do.
local load = tonumber(jobs.read("/proc/loadavg"):match("^%S+")) or 0

-- {== running

local work = options.build .. "/bench/run"
local environment = jobs.environment { build = work, lua = options.lua }

local function command_of(task)
  local row = task.row
  if task.side == "limit" and row.versus then
    local args = row.versus == row.script and row.args or ""
    return ("%s %s bench/rows/%s.lua %s"):format(environment, options.lua, row.versus, args)
  end
  if task.side == "limit" then return ("%s/limits %s"):format(work, row.limit) end
  local kind = row.kind and "BENCH_KIND=" .. row.kind or ""
  return ("env %s %s %s bench/rows/%s.lua %s"):format(kind, environment, options.lua, row.script or row[1],
    row.args or "")
end

local function fresh_copies()
  local command = "mkdir -p %s && rm -rf %s/* && cp %s/concur.so %s/bench/limits %s && " ..
    "{ test ! -d %s/concur || cp -r %s/concur %s; }"
  local build = options.build
  assert(os.execute(command:format(work, work, build, build, work, build, build, work)))
end

-- Runs a task; its figure, or nil and what it printed.
local function run(task)
  fresh_copies()
  local pipe = io.popen(("timeout -k 5 %s %s 2>&1 </dev/null"):format(options.timeout, command_of(task)))
  local output = pipe:read("a")
  local ok = pipe:close()
  local value, unit = output:match("^(%S+) (%S+)%s*$")
  value = tonumber(value)
  if not ok or not value then return nil, output ~= "" and output or "no figure" end
  task.row.unit = task.row.unit or unit
  if unit ~= task.row.unit then return nil, "units differ: " .. unit .. ", " .. task.row.unit end
  return value
end

local function shuffle(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
end

local terminal = os.execute("test -t 2")
local function progress(text)
  if terminal then io.stderr:write("\r", text, "\27[K") end
end

local function round(number)
  local tasks = {}
  for _, row in ipairs(rows) do
    if number <= (row.runs or runs) then
      tasks[#tasks + 1] = { row = row, side = "concur" }
      tasks[#tasks + 1] = { row = row, side = "limit" }
    end
  end
  shuffle(tasks)
  for i, task in ipairs(tasks) do
    progress(("run %d of %d, %d of %d"):format(number, runs, i, #tasks))
    local value, trouble = run(task)
    if value then
      table.insert(task.row.figures[task.side], value)
    else
      task.row.trouble = task.row.trouble or trouble
    end
  end
end

-- ==} {== the table

local function median(list)
  table.sort(list)
  local half = #list // 2
  if #list % 2 == 1 then return list[half + 1] end
  return (list[half] + list[half + 1]) / 2
end

-- Goal and verdict of a row, both "" when it has none.
local function judge(row, value, ratio)
  if row.goal then
    local relation, bound = row.goal:match("(%S+) (%S+)")
    local met
    if relation == "<=" then met = ratio <= tonumber(bound) else met = ratio >= tonumber(bound) end
    return "ratio " .. row.goal, met and "ok" or "SHORT"
  elseif row.most then
    return ("<= %g %s"):format(row.most, row.unit), value <= row.most and "ok" or "SHORT"
  end
  return "", ""
end

local function print_line(...)
  local line = ("%-18s %10s %10s  %-7s %6s  %-14s %s"):format(...)
  print((line:gsub("%s+$", "")))
end

local function show(row)
  if row.trouble then
    print_line(row[1], "-", "-", "", "", "", "FAILED")
    for text in row.trouble:gmatch("[^\n]+") do print("    " .. text) end
    return false
  end
  local value, limit = median(row.figures.concur), median(row.figures.limit)
  local goal, verdict = judge(row, value, value / limit)
  print_line(row[1], ("%.4g"):format(value), ("%.4g"):format(limit), row.unit,
    ("%.2f"):format(value / limit), goal, verdict)
  return true
end

-- ==} {== the table in the README

local units = {
  ["us"] = "µs", ["us/op"] = "µs", ["us/rt"] = "µs", ["ns/op"] = "ns", ["Mmsg/s"] = "M/s", ["Mop/s"] = "M/s",
  ["x"] = "×",
}

-- Three digits, with a unit that keeps them short.
local function figure(value, unit)
  if unit == "MB/s" and value >= 1000 then value, unit = value / 1000, "GB/s" end
  local digits = value >= 100 and "%.0f" or value >= 10 and "%.1f" or "%.2f"
  return digits:format(value) .. " " .. (units[unit] or unit)
end

local function markdown()
  local lines = {
    ("<!-- bench: `make bench README=README.md`, medians of %d runs -->"):format(runs), "",
    "| row | concur | limit in C | ratio | what is compared |", "| --- | --- | --- | --- | --- |",
  }
  for _, row in ipairs(rows) do
    if row.note and not row.trouble then
      local value, limit = median(row.figures.concur), median(row.figures.limit)
      local shown = figure(limit, row.unit) .. (row.versus and " (concur)" or "")
      lines[#lines + 1] = ("| %s | %s | %s | %.2f | %s |"):format(row[1], figure(value, row.unit), shown, value / limit,
        row.note)
    end
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("%s processors, %s; such machines differ and drift, so read the ratios."):format(
    jobs.lines("nproc")[1], jobs.lines("uname -sm")[1])
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

local function rewrite(path)
  local before, after = jobs.read(path):match("^(.-)<!%-%- bench: .-(<!%-%- bench: end %-%->.*)$")
  if not before then
    io.stderr:write(path, " has no lines <!-- bench: … and <!-- bench: end -->\n")
    os.exit(2)
  end
  local file <close> = assert(io.open(path, "w"))
  file:write(before, markdown(), "\n", after)
end

-- ==}

for _, row in ipairs(rows) do row.figures = { concur = {}, limit = {} } end
for number = 1, runs do round(number) end
progress("")

print(("%s, %s processors, medians of %d runs"):format(
  jobs.lines("uname -srm")[1], jobs.lines("nproc")[1], runs))
print_line("row", "concur", "limit", "unit", "ratio", "goal", "")
local all = true
for _, row in ipairs(rows) do all = show(row) and all end
if options.markdown ~= "" and load < 1 then rewrite(options.markdown) end
if options.markdown ~= "" and load >= 1 then
  print(("The machine was busy (load %.1f): %s stays as it is."):format(load, options.markdown))
end
os.exit(all)
