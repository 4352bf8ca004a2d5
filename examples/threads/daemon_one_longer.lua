-- One normal thread, and a daemon that sleeps twice as long. The process waits for
-- the normal one and ends; the daemon's "end" line is never printed.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local short = example.pause(2)
local long = math.max(example.pause(4), short + 10) -- nobody waits for the end of this one

local function get_detail_html()
  concur.print "get detail html started"
  concur.sleep(short)
  concur.print "get detail html end"
end

local function get_detail_url()
  concur.print "get detail url started"
  concur.sleep(long)
  concur.print "get detail url end"
end

local function main()
  local thread1 = concur.thread(get_detail_html)
  local thread2 = concur.thread(get_detail_url)
  thread2.daemon = true
  local start = concur.now()
  thread1:start()
  thread2:start()
  concur.print(("finished in %.4f s"):format(concur.now() - start))
end

-- The script runs itself, to see how the process ends.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"
print(("the process lived for %.2f s"):format(lifetime))

local _, elapsed = lines:first "^finished in (.*) s$"
assert(lines:count "^get detail html end$" == 1)
assert(lines:count "^get detail url end$" == 0)
assert(tonumber(elapsed) < math.max(short / 10, 0.2))
assert(lifetime >= short and lifetime < long)
