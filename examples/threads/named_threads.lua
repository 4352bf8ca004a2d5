-- Three threads with names of their own work at the same time: all three start
-- before the first one exits, and together they take one pause, not three.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local all_started = concur.barrier(3) -- a busy machine might let one exit before another starts
local names = { "first_function", "second_function", "third_function" }

local function work()
  local name = concur.current().name
  say("%s is starting", name)
  all_started:wait()
  concur.sleep(example.pause(2))
  say("%s is exiting", name)
end

local start = concur.now()
local threads = {}
for i, name in ipairs(names) do
  threads[i] = concur.thread { target = work, name = name }
  threads[i]:start()
end
for _, thread in ipairs(threads) do assert(thread:join()) end
local elapsed = concur.now() - start
print(("all done after %.2f s"):format(elapsed))

-- Without a name a thread is Thread-1, Thread-2, …: only unnamed ones are counted.
local unnamed = concur.thread(work) -- is not started
print("a thread without a name is called " .. unnamed.name)

local lines = said()
assert(#lines == 6)
assert(lines:last "is starting$" < lines:first "is exiting$")
for _, name in ipairs(names) do
  assert(lines:count("^" .. name .. " is starting$") == 1)
  assert(lines:count("^" .. name .. " is exiting$") == 1)
end
assert(elapsed >= example.pause(2) and elapsed < example.below(6)) -- one pause, not three
assert(unnamed.name == "Thread-1")
