-- One function for two threads, with an argument for the second only: what is not
-- given is nil, and the function puts its default there. Nobody joins them, so main
-- is through at once, and the process lives as long as the pause.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local both_started = concur.barrier(2) -- a busy machine might let one end before the other starts
local through = concur.event() -- and before main is through

local function greet(name)
  concur.print("hello " .. (name or "Jamie"))
  both_started:wait()
  through:wait()
  concur.sleep(example.pause(4))
  concur.print "this line had to wait"
end

local function main()
  local start = concur.now()
  concur.thread(greet):start()
  concur.thread(greet, "Lua"):start()
  concur.print(("main is through after %.4f s"):format(concur.now() - start))
  through:set()
end

-- The script runs itself, to see what happens after main's last line.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"
print(("the process lived for %.2f s"):format(lifetime))

assert(#lines == 5)
assert(lines:count "^hello Jamie$" == 1 and lines:count "^hello Lua$" == 1)
assert(lines:count "had to wait$" == 2)
assert(lines:last "^hello" < lines:first "had to wait$")
assert(lines:first "^main is through" < lines:first "had to wait$")
assert(lifetime >= example.pause(4))
