-- One normal thread and one daemon, with pauses of equal length. The process waits
-- for the normal one only, and by then the daemon is done as well, or nearly: its
-- "end" line may or may not make it.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local function get_detail_html()
  concur.print "thread1: get detail html started"
  concur.sleep(example.pause(2))
  concur.print "thread1: get detail html end"
end

local function get_detail_url()
  concur.print "thread2: get detail url started"
  concur.sleep(example.pause(2))
  concur.print "thread2: get detail url end"
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
local made_it = lines:count "^thread2: .* end$" == 1
print(("the process lived for %.2f s, and the daemon %s"):format(
  lifetime, made_it and "came to its end" or "was cut short"))

assert(lines:count "^thread1: .* started$" == 1)
assert(lines:count "^thread1: .* end$" == 1)
local finished, elapsed = lines:first "^finished in (.*) s$"
assert(finished < lines:first "^thread1: .* end$" and tonumber(elapsed) < math.max(example.pause(2) / 10, 0.2))
assert(lifetime >= example.pause(2) and lifetime < example.below(4)) -- one pause
