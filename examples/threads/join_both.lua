-- Main joins both threads before it goes on, so its line is the last one. They sleep
-- side by side: the whole takes as long as the longer of the two, not as their sum.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local both_started = concur.barrier(2) -- a busy machine might let one end before the other starts

-- Returns how long it took; that is what join gives to the one who joins.
local function get_detail(what, seconds)
  local start = concur.now()
  say("get detail %s started", what)
  both_started:wait()
  concur.sleep(seconds)
  say("get detail %s end", what)
  return concur.now() - start
end

local start = concur.now()
local thread1 = concur.spawn(get_detail, "html", example.pause(2))
local thread2 = concur.spawn(get_detail, "url", example.pause(4))
local _, seconds1 = assert(thread1:join())
local _, seconds2 = assert(thread2:join())
local elapsed = concur.now() - start
say("finished in %.2f s, where one after the other would take %.2f s", elapsed, seconds1 + seconds2)

local lines = said()
assert(#lines == 5 and lines:first "^finished" == 5)
assert(lines:last "started$" < lines:first "end$") -- they overlap
assert(elapsed >= example.pause(4) and elapsed < example.below(6)) -- the longer one, not the sum
