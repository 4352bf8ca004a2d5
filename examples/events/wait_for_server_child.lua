-- The same between two children: one waits for the server that the other brings up.
-- Main prints nothing and joins nobody; the process ends when both have.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local event = concur.event()

local function connect()
  concur.print "1: wait for server..."
  event:wait()
  concur.print "4: connect to server"
end

local function serve(client)
  example.until_waiting(client)
  concur.sleep(example.pause(3))
  concur.print "2: server started successfully"
  concur.sleep(example.pause(3))
  event:set()
  concur.print "3: after set"
end

local function main()
  local client = concur.spawn(connect)
  concur.spawn(serve, client)
end

-- The script runs itself, to see what happens after main has ended.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"

assert(#lines == 4)
assert(lines:first "^1:" == 1 and lines:first "^2:" == 2)
assert(lines:count "^3:" == 1 and lines:count "^4:" == 1)
assert(lifetime >= 2 * example.pause(3))
