-- Four workers for three jobs. Each asks whether the queue is empty, and if it is, says
-- so and leaves. That has two weak points:
--
--   - between the question and the `get` another worker may take the last job; then
--     the `get` waits. Here such a worker goes on when the queue is closed
--   - nobody marks a job as done, so that `join` on the queue would never return
--
-- `concur.exit` ends the thread that calls it, and nothing else.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local limit = example.pause(1)
local queue = concur.queue()

local function work()
  while true do
    if queue:empty() then
      say "the queue is empty"
      concur.exit "left"
    end
    local job = queue:get()
    if job then say("working on %s", job) end
  end
end

local jobs = { "job 1", "job 2", "job 3" }
for _, job in ipairs(jobs) do
  say("put %s into the queue", job)
  queue:put(job)
end
local workers = {}
for i = 1, 4 do workers[i] = concur.thread({ target = work, daemon = true }):start() end

local joined = queue:join(limit)
say("all jobs are marked as done: %s", joined)
assert(joined == false)

queue:close()
for _, worker in ipairs(workers) do
  local ok, how = worker:join()
  assert(ok and how == "left")
end
say "all workers have left, and main is still here"

local lines = said()
for i, job in ipairs(jobs) do
  assert(lines[i] == "put " .. job .. " into the queue")
  assert(lines:count("^working on " .. job .. "$") == 1)
end
assert(lines:count "^the queue is empty$" == 4 and lines:count "^all jobs" == 1)
assert(#lines == 3 + 3 + 4 + 2 and lines:last "main is still here" == #lines)
