-- The rows of bench/figures.lua, in the order of the documents' table. Each has
--
--   what      what was measured
--   stated    the documents' figure
--   scripts   the examples that give ours
--   pauses    true where they are run with short pauses
--   relation  what must hold
--   read(context, outputs…)  what to show as ours, and whether the relation holds; "busy" where
--             other programs had the processors, and it cannot be told
--
-- Times that consist of pauses are shown as they would be without the scale.

local function number(text, pattern)
  return tonumber(text:match(pattern)) or error("no " .. pattern, 0)
end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

-- How many different words a pattern captures.
local function distinct(text, pattern)
  local seen, n = {}, 0
  for word in text:gmatch(pattern) do
    if not seen[word] then seen[word], n = true, n + 1 end
  end
  return n
end

local function largest(text, pattern)
  local most = 0
  for word in text:gmatch(pattern) do most = math.max(most, tonumber(word)) end
  return most
end

-- "busy" where gil/serial_vs_threads.lua found no processor idle while its threads ran; or false.
local function busy(context, text)
  return number(text, ".*ran ([%d.]+) processors stood idle") <= 0.2 * context.processors and "busy"
end

local function seconds(value) return ("%.3f s"):format(value) end

-- {== kinds of rows

-- Threads and processes that do the same.
local function versus(what, stated, script)
  return {
    what = what .. ": threads, processes",
    stated = stated,
    scripts = { "comparison/" .. script },
    relation = "threads faster",
    read = function(_, text)
      local threads, processes = number(text, ".*threads +([%d.]+) s"), number(text, ".*processes +([%d.]+) s")
      return ("%.6f s, %.6f s: %.1f times"):format(threads, processes, processes / threads), threads < processes
    end,
  }
end

-- What comes out of an unlocked number: within the bound, if there is one, and not `right` on every run, where
-- there are several processors. `again`: the script has another row.
local function unlocked(what, stated, script, pattern, right, bound, relation, again)
  return {
    what = what,
    stated = stated,
    scripts = { script },
    relation = relation,
    read = function(context, text)
      local figure, within = number(again and assert(context.fresh(1)) or text, pattern), true
      local tries = 1
      while true do
        within = within and (not bound or math.abs(figure) <= bound)
        if figure ~= right or context.processors == 1 or tries == 10 then break end
        figure, tries = number(assert(context.fresh(1)), pattern), tries + 1
      end
      return ("%d"):format(figure), within and (figure ~= right or context.processors == 1)
    end,
  }
end

-- What is always the same.
local function exactly(what, stated, script, pattern, expected, relation)
  return {
    what = what,
    stated = stated,
    scripts = { script },
    relation = relation or ("exactly " .. expected),
    read = function(_, text)
      local figure = text:match(pattern) or error("no " .. pattern, 0)
      return figure, figure == expected
    end,
  }
end

-- Main does not wait: a time near 0, far from the pauses that the others take.
local function near_zero(what, stated, script, pattern, ends)
  return {
    what = what,
    stated = stated,
    scripts = { "threads/" .. script },
    pauses = true,
    relation = "near 0" .. (ends and "; " .. ends .. " end lines" or ""),
    read = function(_, text)
      local time, lines = number(text, pattern), count(text, " end\n")
      return ("%.4f s"):format(time) .. (ends and ("; %d end lines"):format(lines) or ""),
        time < 0.05 and (not ends or tostring(lines) == ends)
    end,
  }
end

-- Pauses on end: a time of at least `least` pauses, below `most`.
local function pauses(what, stated, script, pattern, least, most, relation)
  return {
    what = what,
    stated = stated,
    scripts = { script },
    pauses = true,
    relation = relation,
    read = function(context, text)
      local time = number(text, pattern) / context.scale
      return seconds(time), time >= least - 0.01 / context.scale and time < most
    end,
  }
end

-- ==}

local rows = {
  {
    what = "lock for each step, around the loop",
    stated = "1.91 s, 0.11 s: 17.4 times",
    scripts = { "comparison/lock_granularity" },
    relation = "outside faster, at least twice",
    read = function(_, text)
      local fine, coarse = text:match ".*each step ([%d.]+) s, one around the loop ([%d.]+) s"
      fine, coarse = tonumber(fine), tonumber(coarse)
      return ("%.3f s, %.3f s: %.1f times"):format(fine, coarse, fine / coarse), fine >= 2 * coarse
    end,
  },
  {
    what = "nested re-entrant lock, 2 × 1000000",
    stated = "13.03 s",
    scripts = { "locks/rlock_recursive_timed", "comparison/lock_granularity" },
    relation = "result 0, slower than one lock",
    read = function(_, text, single)
      local result, time = number(text, "^(%-?%d+)\n"), number(text, "([%d.]+) s for 2000000 steps")
      local fine = number(single, ".*each step ([%d.]+) s")
      return ("%d, %.2f s; one lock %.2f s"):format(result, time, fine), result == 0 and time > fine
    end,
  },
  versus("shared table", "0.000922 s, 0.025198 s: 27.3 times", "dict_threads_vs_processes"),
  versus("barrier", "0.000604 s, 0.008401 s: 13.9 times", "barrier_threads_vs_processes"),
  versus("pool map", "0.000762 s, 0.012203 s: 16.0 times", "pool_threads_vs_processes"),
  unlocked("unlocked add and subtract", "-357560, differs each run", "gil/unlocked_add_sub", "as well\t(%-?%d+)", 0,
    1000000, "within ±1000000, not always 0"),
  unlocked("unlocked balance", "12", "locks/balance_race", "balance\t(%-?%d+)", 0, nil, "any, not always 0"),
  unlocked("unlocked balance, again", "10", "locks/balance_race", "balance\t(%-?%d+)", 0, nil, "any, not always 0",
    true),
  exactly("locked balance", "0", "locks/balance_locked", "balance\t(%-?%d+)", "0"),
  exactly("schedules: serial, mixed", "5 0 8 0 and ends at -8", "locks/balance_interleavings", "balances: ([^\n]*)",
    "5 0 8 0, and mixed: 8 5 0 -8", "0 serial, -8 mixed, exactly"),
  unlocked("ten threads without a lock", "690856 of 1000000", "locks/ten_threads_unlocked", "^(%d+) of 1000000",
    1000000, 1000000, "at most 1000000"),
  exactly("ten threads with a lock", "1000000", "locks/ten_threads_locked", "^(%d+) of 1000000", "1000000"),
  {
    what = "ten private counters, in three forms",
    stated = "1000 each; main's view empty",
    scripts = { "thread_local/local_variable", "thread_local/dict_by_thread", "thread_local/local_counter" },
    relation = "exactly",
    read = function(_, ...)
      local full, view = 0, number(select(3, ...), "main sees\t(%d+)")
      for _, text in ipairs { ... } do full = full + count(text, "Thread%-%d+ 1000\n") end
      return ("%d × 1000; main sees %d entries"):format(full, view), full == 30 and view == 0
    end,
  },
  near_zero("main without join", "0.019 s", "no_join", "finished in ([%d.]+) s"),
  near_zero("both daemons", "0.0 s", "daemon_both", "finished in ([%d.]+) s", "0"),
  near_zero("one daemon, equal pauses", "0.001002 s", "daemon_one_equal", "finished in ([%d.]+) s"),
  near_zero("one daemon, longer pause", "0.000996 s", "daemon_one_longer", "finished in ([%d.]+) s", "1"),
  pauses("join of 2 s and 4 s", "4.001 s", "threads/join_both", "finished in ([%d.]+) s", 4, 6, "4 s to 6 s, the sum"),
  near_zero("three class threads, no join", "0.031 s", "main_ends_first", "main ends after ([%d.]+) s"),
  pauses("joined after all starts", "3.031 s", "threads/join_after_all", "main ends after ([%d.]+) s", 3, 6,
    "3 pauses of 1 s"),
  pauses("joined inside the start loop", "9.054 s", "threads/join_inside_loop", "main ends after ([%d.]+) s", 9, 18,
    "9 pauses of 1 s"),
  pauses("event release", "5 s, by the clock", "events/release_all", "waited ([%d.]+) s", 5, 60, "at least 5 s"),
  pauses("event release, measured", "3.032 s", "events/ready_then_run", "after ([%d.]+) s", 3, 60, "at least 3 s"),
  {
    what = "lapses of 2 s in 10 s, 3 threads",
    stated = "5 each, then connect",
    scripts = { "events/wait_with_timeout" },
    pauses = true,
    relation = "5 ± 1 each, 3 connect",
    read = function(_, text)
      local lapses, good = {}, true
      for i = 1, 3 do
        lapses[i] = count(text, ("Thread%%-%d: wait for server"):format(i))
        good = good and math.abs(lapses[i] - 5) <= 1
      end
      local connected = count(text, "connect to server\n")
      return ("%s; %d connect"):format(table.concat(lapses, ", "), connected), good and connected == 3
    end,
  },
  {
    what = "executor",
    stated = "5 threads, 100 tasks, 5 lines each",
    scripts = { "pools/executor_hundred_tasks" },
    pauses = true,
    relation = "5 ids, 500 lines",
    read = function(_, text)
      local ids, lines = distinct(text, "running thread%-(%d+):"), count(text, "running thread%-%d+:%d\n")
      return ("%d ids, %d lines"):format(ids, lines), ids == 5 and lines == 500
    end,
  },
  {
    what = "queue pool",
    stated = "3 threads, 10 tasks",
    scripts = { "pools/queue_thread_pool" },
    pauses = true,
    relation = "at most 3 names, 10 tasks",
    read = function(_, text)
      local names, tasks = distinct(text, "current: (%S+)"), distinct(text, "index (%d+),")
      return ("%d threads, %d tasks"):format(names, tasks), names <= 3 and tasks == 10
    end,
  },
  {
    what = "largest size: condition, queue",
    stated = "6, 4",
    scripts = { "conditions/many_producers_consumers", "queues/bounded_queue_many" },
    pauses = true,
    relation = "at most 6, at most 4",
    read = function(_, conditions, queues)
      local stack, queue = largest(conditions, "size (%d+)\n"), largest(queues, "size is now (%d+)\n")
      return ("%d, %d"):format(stack, queue), stack <= 6 and queue <= 4
    end,
  },
  {
    what = "process pool of four, five tasks",
    stated = "0.14, 0.27, 0.86, 1.41, 1.91 s",
    scripts = { "pools/process_pool_five_tasks" },
    pauses = true,
    relation = "task 4 where one has ended",
    read = function(context, text)
      local times, ended, reused = {}, {}, false
      local pids = {}
      for line in text:gmatch "[^\n]+" do
        local task, pid = line:match "^Run task (%d) %((%d+)%)"
        if task then pids[task] = pid end
        if task == "4" then reused = ended[pid] end
        local done, time = line:match "^Task (%d) runs ([%d.]+)"
        if done then
          ended[pids[done]] = true
          times[#times + 1] = tonumber(time) / context.scale
        end
      end
      table.sort(times)
      for i, time in ipairs(times) do times[i] = ("%.1f"):format(time) end
      return table.concat(times, ", ") .. " s", #times == 5 and reused
    end,
  },
  {
    what = "ten distributed squares",
    stated = "3411 gives 11634921, …",
    scripts = { "managers/task_master" },
    pauses = true,
    relation = "n × n, ten times",
    read = function(_, text)
      local right, shown = 0, nil
      for n, m, square in text:gmatch "Result: (%d+) %* (%d+) = (%d+)" do
        if n == m and tonumber(n) ^ 2 == tonumber(square) then right = right + 1 end
        shown = shown or ("%s gives %s"):format(n, square)
      end
      return shown .. ", …", right == 10
    end,
  },
  {
    what = "endless loops, one per processor",
    stated = "102 % of four; in C 400 %",
    scripts = { "gil/burn_all_cores" },
    relation = "near threads × 100 %",
    read = function(_, text)
      local threads, used, idle = text:match "(%d+) threads used (%d+) %% of a processor, and ([%d.]+)"
      local good = tonumber(used) >= 80 * tonumber(threads)
      return ("%s threads: %s %%"):format(threads, used), good or tonumber(idle) <= 0.2 * tonumber(threads) and "busy"
    end,
  },
  {
    what = "interpreter lock: a lock per slice",
    stated = "every 100 bytecodes; one core used",
    scripts = { "gil/serial_vs_threads" },
    relation = "an imitation: no gain by threads",
    read = function(context, text)
      local serial, threads, locked = text:match ".*sequence ([%d.]+) s, in threads ([%d.]+) s, .* lock ([%d.]+) s"
      serial, threads, locked = tonumber(serial), tonumber(threads), tonumber(locked)
      return ("%.3f s; in sequence %.3f s"):format(locked, serial),
        context.processors == 1 or locked >= 0.8 * serial or locked > threads or busy(context, text)
    end,
  },
  {
    what = "share of waiting in I/O-bound work",
    stated = "99 %",
    scripts = { "comparison/cpu_bound_io_bound" },
    pauses = true,
    relation = "shown, nothing asserted",
    read = function(_, text) return ("%d %%"):format(number(text, ".*waits for (%d+) %%")), true end,
  },
  {
    what = "coroutines in a process",
    stated = "hundreds of thousands",
    scripts = { "async/hundred_thousand_tasks" },
    relation = "100000 tasks run",
    read = function(_, text)
      local tasks, most, time = text:match "(%d+) tasks slept .* s each, (%d+) .* in ([%d.]+) s"
      return ("%s tasks, %s at once, %s s"):format(tasks, most, time), tasks == "100000"
    end,
  },
  exactly("10000 counter threads", "0 (not shown)", "locks/counter_ten_thousand_threads", "counter is at\t(%-?%d+)",
    "0"),
  {
    what = "five jobs, 10 million: serial, threads",
    stated = "threads no faster; 1.69 s, 1.41 s",
    scripts = { "gil/serial_vs_threads" },
    relation = "a clear gain with two cores or more",
    read = function(context, text)
      local serial, threads = text:match ".*sequence ([%d.]+) s, in threads ([%d.]+) s"
      serial, threads = tonumber(serial), tonumber(threads)
      return ("%.3f s, %.3f s: %.2f times"):format(serial, threads, serial / threads),
        context.processors == 1 or threads < 0.75 * serial or busy(context, text)
    end,
  },
  {
    what = "semaphore: values, results",
    stated = "2 1 0; true ×3, false ×2, true",
    scripts = { "semaphores/try_and_timeout" },
    pauses = true,
    relation = "exactly",
    read = function(_, text)
      local values, results = {}, {}
      for value in text:gmatch "(%d+) remain" do values[#values + 1] = value end
      for result in text:gmatch "[acquired gv]+ (%a+)" do
        if result == "true" or result == "false" then results[#results + 1] = result:sub(1, 1) end
      end
      local shown = table.concat(values, " ") .. "; " .. table.concat(results, " ")
      return shown, shown == "2 1 0; t t t f f t"
    end,
  },
  {
    what = "dispatcher at 0.3 s, 0.2 s, limit 3 s",
    stated = "10 items",
    scripts = { "conditions/dispatcher" },
    pauses = true,
    relation = "10 in order and 1 empty",
    read = function(_, text)
      local produced, received = {}, {}
      for item in text:gmatch "produced (%d+)" do produced[#produced + 1] = item end
      for item in text:gmatch "received (%d+)" do received[#received + 1] = item end
      local empty = count(text, "received nil\n")
      return ("%d produced, %d received, %d empty"):format(#produced, #received, empty),
        #produced == 10 and table.concat(produced, " ") == table.concat(received, " ") and empty == 1
    end,
  },
  {
    what = "polling pauses of a timed wait",
    stated = "0.0005 s, doubling to at most 0.05 s",
    scripts = { "conditions/condition_from_lock" },
    pauses = true,
    relation = "the same, in the hand-built class",
    read = function(_, text)
      local list = text:match "in ms:\t([%d. ]+)"
      local shown = list:match "^%S+ %S+ %S+ %S+" .. " … " .. ("%d ms"):format(largest(list, "%S+"))
      return shown, list:find("0.5 1.0 2.0 4.0 8.0", 1, true) == 1 and largest(list, "%S+") <= 50
    end,
  },
  {
    what = "counters with and without a lock",
    stated = "0; to be tried several times",
    scripts = { "locks/counter_with_and_without_lock" },
    relation = "0; any",
    read = function(_, text)
      local locked, bare = number(text, "with a lock\t(%-?%d+)"), number(text, "without one\t(%-?%d+)")
      return ("%d; %d"):format(locked, bare), locked == 0
    end,
  },
  {
    what = "pool map of 0 to 99",
    stated = "100 squares, 0 to 9801",
    scripts = { "pools/process_map_squares" },
    relation = "exactly",
    read = function(_, text)
      local n = 0
      for square in text:match "Pool *: ([%d ]+)":gmatch "%d+" do
        if tonumber(square) ~= n * n then return "wrong: " .. square, false end
        n = n + 1
      end
      return ("%d squares, 0 to %d"):format(n, (n - 1) ^ 2 // 1), n == 100
    end,
  },
}

return rows
