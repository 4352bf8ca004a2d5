-- Three threads of one class count with pauses, and main does not wait for them: its
-- last line comes before anybody's second number. The threads take turns, since each
-- leaves the processor to the others while it sleeps.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

-- On a busy machine one might be at its second number before main has ended, or another begun.
local all_begun, main_ended = concur.barrier(3), concur.event()

local Counter = concur.thread:extend()

function Counter:run()
  for i = 0, 2 do
    concur.print(("thread %s, number: %d"):format(self.name, i))
    if i == 0 then
      all_begun:wait()
      main_ended:wait()
    end
    concur.sleep(example.pause(1))
  end
end

local function main()
  local start = concur.now()
  concur.print "main begins"
  for _ = 1, 3 do Counter():start() end
  concur.print(("main ends after %.4f s"):format(concur.now() - start))
  main_ended:set()
end

-- The script runs itself, to see what happens after main's last line.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"

assert(#lines == 11)
assert(lines:first "^main begins" == 1)
assert(lines:first "^main ends" < lines:first "number: 1$")
for thread = 1, 3 do
  local zero = lines:first(("^thread Thread%%-%d, number: 0$"):format(thread))
  local one = lines:first(("^thread Thread%%-%d, number: 1$"):format(thread))
  local two = lines:first(("^thread Thread%%-%d, number: 2$"):format(thread))
  assert(zero < one and one < two)
end
assert(lines:last "number: 0$" < lines:first "number: 1$") -- nobody runs ahead of the others
assert(lifetime >= 3 * example.pause(1))
