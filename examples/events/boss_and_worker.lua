-- The boss waits for an event until the worker has made ten cups. Nothing else passes
-- between the two: the cups stay with the worker, who returns them through join. The
-- two closing lines come in either order.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local total = example.count(10)

local function log(message)
  say("%s %s %s", os.date "%H:%M:%S", concur.current().name, message)
end

local function boss(event)
  log "I'm the boss, waiting for you."
  local start = concur.now()
  event:wait()
  log "Good job."
  return concur.now() - start
end

local function worker(event, count)
  log "I'm working for you."
  local cups = {}
  while true do
    log "make 1"
    concur.sleep(example.pause(0.5))
    cups[#cups + 1] = 1
    if #cups >= count then
      event:set()
      break
    end
  end
  log("I finished my job. cups=" .. table.concat(cups, ","))
  return cups
end

local event = concur.event()
local b = concur.spawn(boss, event)
example.until_waiting(b)
local w = concur.spawn(worker, event, total)
local _, waited = assert(b:join())
local _, cups = assert(w:join())

local lines = said()
assert(#lines == total + 4)
assert(lines:count "make 1$" == total and #cups == total)
assert(lines:last "make 1$" < lines:first "Good job")
assert(lines:count("I finished my job%. cups=" .. ("1,"):rep(total - 1) .. "1$") == 1)
assert(waited >= total * example.pause(0.5))
