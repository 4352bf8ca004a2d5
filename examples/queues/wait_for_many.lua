-- Waiting for whatever happens first: a letter in a queue, a bell, a call on a line, the
-- end of a thread. `concur.wait` returns those of its list that are ready, and takes
-- nothing out: that is up to its caller. A bell that was rung, and a thread that has
-- ended, stay ready, so they leave the list when they have been seen.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local letters, bell = concur.queue(), concur.event()
local phone, caller = concur.pipe()
local seen = concur.queue() -- main answers each thing that happens

local function day()
  letters:put "a letter"
  seen:get()
  caller:send "hello"
  seen:get()
  bell:set()
  seen:get()
  letters:put "another letter"
  letters:close()
  seen:get()
  return "the day is over"
end

local thread = concur.thread(day)
local waiting = { letters, bell, phone, thread:start() }
local happenings = {
  [letters:id()] = function()
    local letter = letters:get()
    say("letters: %s", letter or "no more")
    return letter ~= nil
  end,
  [bell:id()] = function()
    say "bell: it rang"
    return false
  end,
  [phone:id()] = function()
    say("phone: %s", phone:recv())
    return true
  end,
  [thread:id()] = function()
    say("thread: %s", select(2, thread:join()))
    return false
  end,
}

local function remove(list, handle)
  for i = #list, 1, -1 do
    if list[i] == handle then table.remove(list, i) end
  end
end

while #waiting > 1 do -- the line stays open
  for _, handle in ipairs(concur.wait(waiting)) do
    local goes_on = happenings[handle:id()]()
    if not goes_on then remove(waiting, handle) end
    seen:put(true)
  end
end
assert(table.concat(said(), "\n") == [[
letters: a letter
phone: hello
bell: it rang
letters: another letter
letters: no more
thread: the day is over]])
assert(#waiting == 1 and waiting[1] == phone)

-- With a limit the list may be empty. Several at once come in the order of the list.
local start = concur.now()
local ready = concur.wait(waiting, example.pause(0.05))
print("nobody calls any more", #ready)
assert(#ready == 0 and concur.now() - start >= example.pause(0.05))

caller:close() -- the end of a line is something to be seen as well
ready = concur.wait { thread, phone, concur.queue(), bell }
print("ready at once", table.unpack(ready))
assert(#ready == 3 and ready[1] == thread and ready[2] == phone and ready[3] == bell)
local item, reason = phone:recv()
assert(item == nil and reason == "closed")
