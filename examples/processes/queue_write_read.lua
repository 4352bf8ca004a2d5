-- One process writes into a queue, another one reads from it for ever. When the writer has ended and
-- all was read, the reader is terminated: its exit code is the signal's number negated, and no
-- zombie stays behind.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local q, read = concur.queue(), concur.latch(3)

local function write()
  say("process to write: %d", concur.current_process().pid)
  for _, value in ipairs {"A", "B", "C"} do
    say("put %s", value)
    q:put(value)
    concur.sleep(math.random() * example.pause(1))
  end
end

local function read_on()
  say("process to read: %d", concur.current_process().pid)
  while true do
    say("got %s", q:get())
    read:count_down()
  end
end

local writer, reader = concur.process(write):start(), concur.process(read_on):start()
assert(writer:join())
assert(read:wait(20))
reader:terminate()
local ok, message = reader:join()
say("the reader was %s", message)

assert(not ok and message == "killed by signal 15 (SIGTERM)" and reader.exitcode == -15)
assert(not reader:is_alive() and #concur.active_children() == 0 and q:empty())
local lines = said()
local _, from = lines:first "^process to write: (%d+)"
local _, to = lines:first "^process to read: (%d+)"
assert(from ~= to and tonumber(from) == writer.pid and tonumber(to) == reader.pid)
assert(lines:first "^got A" < lines:first "^got B" and lines:first "^got B" < lines:first "^got C")
