-- Waiting until all that was put is done. A queue counts: each `put` adds one, each
-- `task_done` takes one away, and `join` waits until nothing is left. So who gets must
-- mark every item: with a single mark after the loop `join` would wait for ever.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local count = 10

-- Puts ten items, and waits for the marks if told so.
local function put(queue, joins, ...)
  for i = 0, count - 1 do queue:put(i) end
  if joins then
    local done = queue:join(...)
    if done then say "ok" end
    return done
  end
end

local function get(queue, marks_each)
  for _ = 1, count do
    say("%d", queue:get())
    if marks_each then queue:task_done() end
  end
  if not marks_each then queue:task_done() end
end

-- Runs one variant; returns its lines and what `join` returned.
local function run(title, marks_each, ...)
  print("-- " .. title)
  local from = #said() + 1
  local queue = concur.queue(5) -- put waits while five are in it
  local putter = concur.spawn(put, queue, ...)
  local getter = concur.spawn(get, queue, marks_each)
  local _, done = assert(putter:join())
  assert(getter:join())
  return table.concat(said(), " ", from), done
end

local numbers = "0 1 2 3 4 5 6 7 8 9"
local lines = run("nobody waits", true, false)
assert(lines == numbers)

local done
lines, done = run("a mark for each item", true, true)
assert(lines == numbers .. " ok" and done == true)

lines, done = run("a single mark", false, true, example.pause(5))
print "(not ok)"
assert(lines == numbers and done == false)
