-- One log for all: threads and processes write messages with a level, the time and their names
-- into one file, and every line is whole. The configuration is shared: the main thread turns
-- debug messages on, and workers that run already begin to write them.
--
-- Look for: four writers, each with its lines in order; debug lines only in the second half.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local log = concur.log

local path = os.tmpname()
log.config { file = path, format = "{time} {level} {process}/{thread} {message}" }

local LINES = example.count(50)
local ready, go = concur.latch(4), concur.event()

local function work()
  for i = 1, LINES do
    log.debug("a detail of step %d", i)
    log.info("step %d", i)
  end
  ready:count_down()
  go:wait()
  for i = 1, LINES do
    log.debug("a detail of step %d", LINES + i)
    log.info("step %d", LINES + i)
  end
end

local workers = {
  concur.thread { target = work, name = "first" },
  concur.thread { target = work, name = "second" },
  concur.process { target = work, name = "Third" },
  concur.process { target = work, name = "Fourth" },
}
for _, worker in ipairs(workers) do worker:start() end
ready:wait()

log.config { level = "debug" } -- they all run
log.warning "from here on in detail"
go:set()
for _, worker in ipairs(workers) do assert(worker:join()) end

-- What came of it.
local shown, steps, details, detailed = 0, {}, {}, false
for line in io.lines(path) do
  local level, who, message = line:match "^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d+ (%l+) (%w+/%w+) (.*)$"
  assert(level, "a line that is not whole: " .. line)
  if level == "warning" then
    detailed = true
    assert(who == "MainProcess/MainThread")
  elseif level == "debug" then
    assert(detailed and message:find "^a detail of step %d+$")
    details[who] = (details[who] or 0) + 1
  else
    steps[who] = (steps[who] or 0) + 1
    assert(message == ("step %d"):format(steps[who]))
  end
  if shown < 3 or level == "warning" then print(line) end
  shown = shown + 1
end
os.remove(path)

print(("… %d lines in all"):format(shown))
for _, who in ipairs { "MainProcess/first", "MainProcess/second", "Third/MainThread", "Fourth/MainThread" } do
  print(who, steps[who] .. " steps", details[who] .. " details")
  assert(steps[who] == 2 * LINES and details[who] == LINES)
end
