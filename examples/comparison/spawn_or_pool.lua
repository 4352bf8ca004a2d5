-- The life of a thread is its start, its work and its end. Where the work is short, the other
-- two are most of it: a pool pays for them once, and its threads do one task after the other.
-- (concur keeps threads and their states warm, so the difference is smaller than elsewhere; with
-- processes it is large.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local function work(n) return n * n end

-- Seconds for a task, when each has a thread or process made for it.
local function spawned(kind, tasks)
  local start = concur.now()
  for n = 1, tasks do
    local _, square = assert(concur[kind](work, n):start():join())
    assert(square == n * n)
  end
  return (concur.now() - start) / tasks
end

-- Seconds for a task that is submitted to a pool, and awaited.
local function pooled(kind, tasks)
  local pool <close> = concur.pool { workers = 1, kind = kind }
  assert(pool:apply(work, 1) == 1) -- the worker is there
  local start = concur.now()
  for n = 1, tasks do assert(pool:apply(work, n) == n * n) end
  return (concur.now() - start) / tasks
end

local function compare(kind, tasks)
  local alone, shared = spawned(kind, tasks), pooled(kind, tasks)
  print(("a %s for each task %8.1f µs, a pool %6.1f µs: %.0f times"):format(kind, 1e6 * alone, 1e6 * shared,
    alone / shared))
  return shared < alone
end

local function measure() return compare("thread", example.part(10000)) and compare("process", example.part(400)) end

-- Times are at the mercy of what else the machine does: three tries.
assert(measure() or measure() or measure())
