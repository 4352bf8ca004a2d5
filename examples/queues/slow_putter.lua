-- One thread puts a number, and rests; another gets numbers all the time. It could go
-- faster, but waits in `get` for each of them: the queue sets the pace.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local queue = concur.queue(5)
local count, rest = 10, example.pause(1)
local start = concur.now()

local function put()
  for i = 0, count - 1 do
    queue:put(i)
    concur.sleep(rest)
  end
end

local function get()
  local times = {}
  for i = 0, count - 1 do
    say("%d", queue:get())
    times[i] = concur.now() - start
  end
  return times
end

local putter, getter = concur.spawn(put), concur.spawn(get)
local _, times = assert(getter:join())
assert(putter:join())
print(("the last one came after %.2f s"):format(times[count - 1]))

assert(table.concat(said(), " ") == "0 1 2 3 4 5 6 7 8 9")
for i = 0, count - 1 do assert(times[i] >= i * rest) end
