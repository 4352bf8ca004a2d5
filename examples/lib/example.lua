-- What the examples share: pauses and counts that can be shortened from outside,
-- lines that are printed and remembered for the checks at the end of a script, the
-- report of a deadlock, a second run of the script to see how its process ends, the
-- listing of a function, the use of processors, and times.

local concur = require "concur"

local example = {}

-- Below 0.04 the shortest pauses would all become equal, and order be lost.
local scale = math.max(tonumber(os.getenv "CONCUR_EX_SCALE") or 1, 0.04)
local limit = tonumber(os.getenv "CONCUR_EX_N") or math.huge

--- A pause of so many seconds, scaled by CONCUR_EX_SCALE; never below 20 ms.
function example.pause(seconds) return math.max(seconds * scale, 0.02) end

--- What a time has to stay below: so many seconds, scaled; but never below two, since a machine that does other
--- things as well takes its time.
function example.below(seconds) return math.max(seconds * scale, 2) end

--- A number of rounds, capped by CONCUR_EX_N; never below 1.
function example.count(n) return math.max(math.min(n, limit), 1) end

--- A number that is scaled as pauses are, for what takes too long in a quick run:
--- never above n, never below 1, and capped by CONCUR_EX_N.
function example.part(n) return example.count(math.ceil(n * math.min(scale, 1))) end

--- Seconds that functions take, each in a thread of its own, all begun at the same moment; the best of so
--- many rounds: what else the machine does can only add to that.
function example.together(functions, rounds)
  local best = math.huge
  for _ = 1, rounds do
    local go, threads = concur.event(), {}
    for i, fn in ipairs(functions) do
      threads[i] = concur.spawn(function()
        go:wait()
        fn()
      end)
    end
    for _, thread in ipairs(threads) do example.until_waiting(thread) end
    local start = concur.now()
    go:set()
    for _, thread in ipairs(threads) do assert(thread:join()) end
    best = math.min(best, concur.now() - start)
  end
  return best
end

--- Calls `run`, which lets threads race, until it returns something else than `right`, at most twenty times; returns
--- that. Where one processor is all there is, or the race is short, there may be no loss in a hundred years: then
--- one call will do.
function example.race(rounds, right, run)
  local result
  for _ = 1, 20 do
    result = run()
    if result ~= right or concur.cpu_count() == 1 or rounds < 100000 then return result end
  end
  error "twenty races, and nothing was lost"
end

--- Prints what `seconds(kind)` gives for threads and for processes, beside the factor between them that a source
--- document measured. Threads must be faster; times are at the mercy of what else the machine does, so
--- there are three tries.
function example.compare(seconds, factor)
  for _ = 1, 3 do
    local threads, processes = seconds "thread", seconds "process"
    print(("threads   %.6f s"):format(threads))
    print(("processes %.6f s"):format(processes))
    print(("factor    %.1f (the source: %.1f)"):format(processes / threads, factor))
    if threads < processes then return end
  end
  error "processes were faster than threads"
end

-- A list of lines that can be searched with Lua patterns.
local lines = {}
lines.__index = lines

--- Position of the first line that matches, and what it captured; or nil.
function lines:first(pattern)
  for i, line in ipairs(self) do
    if line:find(pattern) then return i, line:match(pattern) end
  end
end

--- Position of the last line that matches, or nil.
function lines:last(pattern)
  for i = #self, 1, -1 do
    if self[i]:find(pattern) then return i end
  end
end

--- How many lines match.
function lines:count(pattern)
  local n = 0
  for _, line in ipairs(self) do
    if line:find(pattern) then n = n + 1 end
  end
  return n
end

--- Checks lines that end in "… by NAME": from "acquired by NAME" to "released by NAME"
--- or "wait by NAME" nobody else says anything. Who waited goes on without a line.
function lines:one_at_a_time()
  local holder, waiting = nil, {}
  for _, line in ipairs(self) do
    local what, name = line:match "(%S+) by (%S+)$"
    if not holder then
      assert(what == "acquired" or waiting[name], line)
      holder, waiting[name] = name, nil
    end
    assert(name == holder, line)
    if what == "released" or what == "wait" then holder, waiting[name] = nil, what == "wait" or nil end
  end
end

--- Returns `say(format, ...)`, which any thread may use to print a line, and
-- `said()`, which returns all lines so far in order.
function example.transcript()
  local queue = concur.queue()
  local list = setmetatable({}, lines)
  local function say(format, ...)
    local line = format:format(...)
    queue:put(line)
    concur.print(line)
  end
  local function said()
    while not queue:empty() do list[#list + 1] = queue:get() end
    return list
  end
  return say, said
end

--- Returns when `thread` is blocked in a concur call.
function example.until_waiting(thread)
  while thread:status() ~= "waiting" do
    assert(thread:is_alive(), "the thread will not wait any more")
    concur.sleep(0.001)
  end
end

local function is_report(err) return type(err) == "string" and err:find("deadlock: ", 1, true) end

--- Joins threads that wait for ever. Shows the report that ends their wait, and
--- returns it: main gets it as an error, or from a thread that ended with it. (What
--- such a thread lets go of may allow another one to go on.)
function example.deadlock(threads)
  local report
  for _, thread in ipairs(threads) do
    local joined, ok, err = pcall(thread.join, thread)
    if not joined then
      assert(is_report(ok), ok)
      report = ok
      ok, err = thread:join()
    end
    if not ok then
      assert(is_report(err), err)
      report = err
    end
  end
  assert(report, "nobody waited for ever")
  concur.print(report)
  for _, thread in ipairs(threads) do assert(report:find(thread.name .. " waits for ", 1, true)) end
  return report
end

--- The instructions of a function, as luac lists them; or a line that says why not.
function example.listing(fn)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(string.dump(fn))
  file:close()
  local luac = os.getenv "LUAC" or "luac5.4"
  local pipe <close> = assert(io.popen(("%s -p -l %s 2>/dev/null"):format(luac, path)))
  local text = pipe:read "a"
  os.remove(path)
  return text ~= "" and text or "(no listing: there is no luac5.4 here)\n"
end

local function quote(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

--- Runs this script again, in a process of its own, with `word` as its argument;
-- shows what it prints. Returns the lines, and how many seconds the process lived.
-- Its exit status must be 0.
function example.rerun(word)
  local first = 0
  while arg[first - 1] do first = first - 1 end
  local command = { "exec" }
  for i = first, 0 do command[#command + 1] = quote(arg[i]) end
  command[#command + 1] = quote(word)
  local list = setmetatable({}, lines)
  local start = concur.now()
  local pipe = assert(io.popen(table.concat(command, " ")))
  for line in pipe:lines() do
    list[#list + 1] = line
    concur.print(line)
  end
  assert(pipe:close())
  return list, concur.now() - start
end

-- Seconds that all processors together have been idle, as Linux counts them.
local function idle()
  local file <close> = io.open "/proc/stat"
  local ticks = file and file:read "l":match "^cpu +%d+ %d+ %d+ (%d+)"
  return ticks and tonumber(ticks) / 100
end

--- Returns a function that tells how many processors this process has used since
-- (1.5: one and a half), how many stood idle (0 where that is not known), and how
-- many seconds have passed.
function example.processors()
  local wall, cpu, idle_before = concur.now(), os.clock(), idle()
  return function()
    local seconds = concur.now() - wall
    return (os.clock() - cpu) / seconds, idle_before and (idle() - idle_before) / seconds or 0, seconds
  end
end

return example
