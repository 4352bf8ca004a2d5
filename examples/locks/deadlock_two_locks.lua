-- Two threads, two locks, two tasks. Task A takes lock a and then lock b, task B takes
-- them the other way round. When the first thread is in task B and the second one in
-- task A, each has a lock that the other needs.
--
--   deadlock  the report names both threads, and what each of them waits for and from
--             whom; there were four lines by then, and there is no fifth
--   ordered   task B takes the locks in the same order as task A: all goes through
--
--   lua5.4 deadlock_two_locks.lua [deadlock|ordered]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()
local locks = { a = concur.lock(), b = concur.lock() }

local function pause() concur.sleep(example.pause(1)) end

-- A task: the first lock, something that takes time, the second lock.
local function task(first, second, work)
  local name = concur.current().name
  locks[first]:acquire()
  say("thread %s got lock %s", name, first)
  work()
  locks[second]:acquire()
  say("thread %s got lock %s", name, second)
  locks[second]:release()
  locks[first]:release()
end

-- Each thread does both tasks. While one does task B and the other task A, they wait
-- for each other once, so that it goes wrong every time, not only now and then.
local function run(work_a, work_b, b_first, b_second)
  task("a", "b", work_a)
  task(b_first, b_second, work_b)
end

local function start(meet, ...)
  say "main begins"
  local threads = { concur.spawn(run, pause, meet, ...) }
  example.until_waiting(threads[1]) -- it has lock a
  threads[2] = concur.spawn(run, meet, pause, ...)
  say "main ends"
  return threads
end

local function deadlock()
  local both = concur.barrier(2)
  local threads = start(function() both:wait() end, "b", "a")
  local report = example.deadlock(threads)
  local one, two = "Thread%-1", "Thread%-2"
  local lines = said()
  assert(#lines == 6 and lines[1] == "main begins")
  assert(lines:count(("^thread %s got lock "):format(one)) == 3)
  assert(lines:count(("^thread %s got lock a$"):format(two)) == 1)
  assert(report:find(("%s waits for concur%%.lock: [^\n]* held by %s, at "):format(one, two)))
  assert(report:find(("%s waits for concur%%.lock: [^\n]* held by %s, at "):format(two, one)))
  -- Both ended with an error, and left the locks taken. Anybody may release them.
  locks.a:release()
  locks.b:release()
end

local function ordered()
  local before = #said()
  for _, thread in ipairs(start(pause, "a", "b")) do assert(thread:join()) end
  assert(#said() == before + 2 + 8)
end

local variant = arg[1] or "both"
if variant ~= "ordered" then
  print "-- deadlock"
  deadlock()
end
if variant ~= "deadlock" then
  print "-- ordered"
  ordered()
end
assert(not locks.a:locked() and not locks.b:locked())
