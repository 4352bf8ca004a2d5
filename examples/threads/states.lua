-- The states of a thread, and of a process, which has the same. It is new, then it runs; when
-- it has to wait it is waiting, for whatever reason, and runs again when that is over; in the
-- end it is done, or has failed, or was cancelled. (Whether one that runs has a processor just
-- now only the system knows.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- one of them fails on purpose

local function show(what, worker)
  print(("  %-34s %s"):format(what, worker:status()))
  return worker:status()
end

-- Who waits for nothing but computes: a flag ends it.
local function compute(flag)
  while not flag:get() do end
end

-- Runs fn(...) until it waits, has `release` end the wait, and shows the states.
local function waits(kind, reason, release, fn, ...)
  local worker = concur[kind](fn, ...):start()
  example.until_waiting(worker)
  assert(show("waiting, for " .. reason, worker) == "waiting")
  release()
  assert(worker:join())
  assert(worker:status() == "done")
end

for _, kind in ipairs { "thread", "process" } do
  print("a " .. kind)
  local flag = concur.value(false)
  local worker = concur[kind](compute, flag)
  assert(show("made, not started", worker) == "new" and not worker:is_alive())
  worker:start()
  while worker:status() == "new" do concur.yield() end
  assert(show("started, and busy", worker) == "running" and worker:is_alive())
  flag:set(true)
  assert(worker:join())
  assert(show("its function returned", worker) == "done" and not worker:is_alive())

  -- Three reasons to wait. They look alike from outside: a deadlock's report tells which it is.
  local lock = concur.lock()
  lock:acquire()
  waits(kind, "a lock that another holds", function() lock:release() end, function() return lock:acquire(60) end)

  local other = concur.spawn(concur.sleep, 3600)
  waits(kind, "another's end", function() other:cancel() end, function()
    other:join()
    return true
  end)

  local condition = concur.condition()
  waits(kind, "a notification", function() condition:with(condition.notify, condition) end, function()
    return condition:with(condition.wait, condition)
  end)

  local failing = concur[kind](error, "on purpose"):start()
  assert(not failing:join())
  assert(show("its function raised an error", failing) == "failed")

  local sleeper = concur[kind](concur.sleep, 3600):start()
  example.until_waiting(sleeper)
  assert(show("asleep", sleeper) == "waiting")
  sleeper:cancel()
  local ok, err = sleeper:join()
  assert(not ok and err == concur.CANCELLED)
  assert(show("cancelled", sleeper) == "cancelled" and not sleeper:is_alive())
end
