-- A child waits until main has brought up the server. Lines 1 and 2 come in order;
-- 3 and 4 are printed by two threads at the same moment, in either order.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local event = concur.event()

local function connect()
  say "1: wait for server..."
  event:wait()
  say "4: connect to server"
end

local start = concur.now()
local thread = concur.spawn(connect)
example.until_waiting(thread)
concur.sleep(example.pause(3))
say "2: server started successfully"
concur.sleep(example.pause(3))
event:set()
say "3: after set"
assert(thread:join())
local elapsed = concur.now() - start

local lines = said()
assert(#lines == 4)
assert(lines:first "^1:" == 1 and lines:first "^2:" == 2)
assert(lines:count "^3:" == 1 and lines:count "^4:" == 1)
assert(elapsed >= 2 * example.pause(3))
