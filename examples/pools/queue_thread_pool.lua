-- A pool of threads, made by hand: three daemons take jobs from a queue. They are there
-- before the first job, and when main has waited for the last one, they wait for more;
-- since they are daemons, the process ends all the same. With three threads the ten
-- jobs take four rounds.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local workers, jobs = 3, 10

local function work(queue)
  local name = concur.current().name
  for index in queue:items() do
    concur.sleep(example.pause(1))
    concur.print(("index %d, current: %s"):format(index, name))
    queue:task_done()
  end
end

local function main()
  concur.excepthook = function(_, err) concur.print(err) end -- a report would add lines
  local queue = concur.queue()
  for _ = 1, workers do concur.thread({ target = work, args = { queue }, daemon = true }):start() end
  concur.print "main thread"
  concur.sleep(example.pause(3))
  concur.print "put in data"
  for i = 0, jobs - 1 do queue:put(i) end
  concur.print "put complete"
  queue:join()
  concur.print "finish"
end

-- The script runs itself, to see how the process ends.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"
print(("the process lived for %.2f s"):format(lifetime))

assert(#lines == 4 + jobs)
assert(lines[1] == "main thread" and lines[2] == "put in data" and lines[#lines] == "finish")
assert(lines:count "^put complete$" == 1)
local names, count = {}, 0
for i = 0, jobs - 1 do
  local _, name = lines:first(("^index %d, current: (Thread%%-[123])$"):format(i))
  if not names[name] then names[name], count = true, count + 1 end
end
print(("%d threads did the jobs"):format(count))
assert(count >= 1 and count <= workers)
assert(lifetime >= example.pause(3) + math.ceil(jobs / workers) * example.pause(1))
