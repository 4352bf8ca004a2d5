-- Two semaphores of one unit each, taken by two threads in opposite order. Each has the
-- unit that the other needs. A unit has no owner, so the report cannot say who has it;
-- it does say who waits for which, and where. When both take them in the same order
-- nothing is wrong.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local s, q = concur.semaphore(1), concur.semaphore(1)
local both = concur.barrier(2)

local function run(first, second, meet)
  first:acquire()
  if meet then both:wait() end -- each has its first unit
  second:acquire()
  second:release()
  first:release()
end

print "-- in opposite order"
local report = example.deadlock { concur.spawn(run, s, q, true), concur.spawn(run, q, s, true) }
assert(select(2, report:gsub("Thread%-[12] waits for concur%.semaphore: ", "")) == 2)
assert(s:value() == 0 and q:value() == 0) -- both threads ended before they could release

print "-- in the same order"
s:release()
q:release()
local thread1, thread2 = concur.spawn(run, s, q), concur.spawn(run, s, q)
assert(thread1:join())
assert(thread2:join())
print("both are done, and the units are back", s:value(), q:value())
assert(s:value() == 1 and q:value() == 1)
