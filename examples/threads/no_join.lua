-- Main starts two threads, does not join them, and measures how long that took:
-- next to nothing. There are three threads here, and main is only one of them. Yet
-- the process lives on until both others have ended.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local function get_detail_html()
  concur.print "get detail html started"
  concur.sleep(example.pause(2))
  concur.print "get detail html end"
end

local function get_detail_url()
  concur.print "get detail url started"
  concur.sleep(example.pause(2))
  concur.print "get detail url end"
end

local function main()
  local start = concur.now()
  concur.spawn(get_detail_html)
  concur.spawn(get_detail_url)
  concur.print(("finished in %.4f s"):format(concur.now() - start))
end

-- The script runs itself, to see what happens after main's last line.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"
print(("the process lived for %.2f s"):format(lifetime))

local finished, elapsed = lines:first "^finished in (.*) s$"
assert(#lines == 5)
assert(lines:count "started$" == 2 and lines:count "end$" == 2)
assert(finished < lines:first "end$")
assert(tonumber(elapsed) < math.max(example.pause(2) / 10, 0.2))
assert(lifetime >= example.pause(2))
