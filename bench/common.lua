-- What the rows share. A row is a script that does the work of its line in
-- bench/run.lua once and prints "value unit". BENCH_SCALE shortens all.

local concur = require "concur"

local common = {}

--- n, scaled; at least 2 and even.
function common.times(n)
  n = n * (tonumber(os.getenv "BENCH_SCALE") or 1)
  return math.max(2, 2 * math.floor(n / 2))
end

function common.report(value, unit)
  print(("%.6g %s"):format(value, unit))
end

--- What runs functions beside this one: "thread", or what BENCH_KIND says.
common.kind = os.getenv "BENCH_KIND" or "thread"

--- How many run at once: 2, or what BENCH_THREADS says.
common.threads = tonumber(os.getenv "BENCH_THREADS") or 2

--- A list of so many times the same function (`common.threads` unless told).
function common.each(fn, n)
  local list = {}
  for i = 1, n or common.threads do list[i] = fn end
  return list
end

--- Starts one that runs fn(...).
function common.spawn(...) return concur[common.kind](...):start() end

--- Starts a thread for each function of a list, with its position as argument.
-- Returns a function that lets all begin at once, to be called when the clock
-- starts, and one that waits until they have ended and returns the list of their
-- results.
function common.start(functions)
  local ready, go, threads = concur.queue(), concur.event(), {}
  for i, fn in ipairs(functions) do
    threads[i] = common.spawn(function()
      ready:put(true)
      go:wait()
      return fn(i)
    end)
  end
  for _ = 1, #functions do ready:get() end
  local function finish()
    local results = {}
    for i, thread in ipairs(threads) do
      local ok, result = thread:join()
      if not ok then error(result, 0) end
      results[i] = result
    end
    return results
  end
  return function() go:set() end, finish
end

--- Seconds that a list of functions takes, each in a thread, all begun at once.
function common.together(functions)
  local begin, finish = common.start(functions)
  local start = concur.now()
  begin()
  local results = finish()
  return concur.now() - start, results
end

return common
