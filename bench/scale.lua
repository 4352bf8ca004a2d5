-- How the rows grow with the number of threads: `make scale [THREADS="1 2 4 8"] [ROWS="mpmc …"] [RUNS=3]`
--
-- Each row is run with each number of threads, and so is its limit in C, by turns; medians are shown as
-- "concur / limit". Unless told, the numbers double from 1 to the processors that the machine has.
--
--   lua5.4 bench/scale.lua [--runs=N] [--build=DIR] [--lua=COMMAND] [--timeout=S] [--threads="1 2 …"] [rows…]

package.path = "spec/support/?.lua;" .. package.path
local jobs = require "jobs"

-- The unit "x" is the speed-up over one thread: as many times as there are processors is all one can have.
local rows = {
  { "fib_par", limit = "cpu_par", unit = "x", what = "pure Lua; pure C" },
  { "apart", limit = "cpu_par", unit = "x", what = "objects of each thread's own; pure C" },
  { "dict_reads", limit = "cpu_par", unit = "x", what = "reads of one dict; pure C" },
  { "pool_map", limit = "lua_map_serial", unit = "Mop/s", what = "x*x by a pool, in chunks; by one state alone" },
  { "mpmc", limit = "mpmc_mutex", unit = "Mmsg/s", what = "so many putters and getters; a ring in C without Lua" },
  { "shared_inc", limit = "lua_atomic_inc", unit = "Mop/s", what = "one value; one atomic word from Lua" },
  { "lock_contended", limit = "lua_lock_contended", unit = "ns/op", what = "one lock; one pthread mutex from Lua" },
}

local options, wanted = jobs.options(arg, { runs = 3, build = "build", lua = arg[-1], timeout = 120, threads = "" })
local environment = jobs.environment(options)

local counts = {}
for count in options.threads:gmatch "%d+" do counts[#counts + 1] = tonumber(count) end
if #counts == 0 then
  local processors = tonumber(jobs.lines("nproc")[1])
  local count = 1
  while count < processors do
    counts[#counts + 1] = count
    count = 2 * count
  end
  counts[#counts + 1] = processors
end

local function run(threads, command)
  local full = ("BENCH_THREADS=%d timeout -k 5 %s %s 2>&1 </dev/null"):format(
    threads, options.timeout, command)
  local pipe = io.popen(full)
  local output = pipe:read("a")
  pipe:close()
  return tonumber(output:match("^(%S+) %S+%s*$")), output
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local failed = false

-- "concur / limit" of a row with so many threads.
local function figures(row, threads)
  local commands = {
    ("%s %s bench/rows/%s.lua"):format(environment, options.lua, row[1]),
    ("%s/bench/limits %s"):format(options.build, row.limit),
  }
  local got = { {}, {} }
  for _ = 1, options.runs do
    for side, command in ipairs(commands) do
      local value, output = run(threads, command)
      if not value then
        failed = true
        io.stderr:write(row[1], " with ", threads, " threads: ", output, "\n")
        return "FAILED"
      end
      table.insert(got[side], value)
    end
  end
  return ("%.3g / %.3g"):format(median(got[1]), median(got[2]))
end

local chosen = {}
for _, name in ipairs(wanted) do chosen[name] = true end

print(("%s, %s processors, medians of %s runs: concur / limit, by the number of threads"):format(
  jobs.lines("uname -srm")[1], jobs.lines("nproc")[1], options.runs))
local function cells(first, unit, list, what)
  io.write(("%-14s %-7s"):format(first, unit))
  for _, cell in ipairs(list) do io.write((" %13s"):format(cell)) end
  print("  " .. what)
end
cells("row", "unit", counts, "")
for _, row in ipairs(rows) do
  if #wanted == 0 or chosen[row[1]] then
    local list = {}
    for i, count in ipairs(counts) do list[i] = figures(row, count) end
    cells(row[1], row.unit, list, row.what)
  end
end
os.exit(not failed)
