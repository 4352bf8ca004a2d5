-- Both threads are daemons: the process does not wait for them. It ends as soon as
-- main has, and neither of the two "end" lines is ever printed. That is how a thread
-- with an endless loop is kept from holding up the end of a program.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

-- Nobody waits for the end of this pause, so it stays long when others are shortened.
local pause = math.max(example.pause(2), 10)

local function get_detail(what, started)
  concur.print("get detail " .. what .. " started")
  started:put(what)
  concur.sleep(pause)
  concur.print("get detail " .. what .. " end")
end

local function main()
  local started = concur.queue()
  local start = concur.now()
  for _, what in ipairs { "html", "url" } do
    local thread = concur.thread { target = get_detail, args = { what, started }, daemon = true }
    thread:start()
  end
  for _ = 1, 2 do started:get() end -- else main might end before they have begun
  concur.print(("finished in %.4f s"):format(concur.now() - start))
end

-- The script runs itself, to see how the process ends.
if arg[1] == "main" then return main() end

local lines, lifetime = example.rerun "main"
print(("the process lived for %.2f s"):format(lifetime))

assert(#lines == 3)
assert(lines:count "started$" == 2 and lines:count "end$" == 0)
local finished, elapsed = lines:first "^finished in (.*) s$"
assert(finished == 3 and tonumber(elapsed) < 1 and lifetime < pause) -- both far from the pause
