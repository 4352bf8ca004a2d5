-- Two threads in a chain: the first sends numbers into a pipe, the second squares them
-- and sends them into the next one, main prints them. Each closes its end of a pipe when
-- it has sent all; the other end notices that, and so the end travels through the chain.
--
--   closed    as told above
--   deadlock  the first thread does not close its end. Main still has it, so more
--             numbers might come, and the others wait for them: the report
--
--   lua5.4 square_chain.lua [closed|deadlock]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()

local function create(output, closes)
  for number = 0, 9 do output:send(number) end
  if closes then output:close() end
end

local function square(input, output)
  while true do
    local number, reason = input:recv()
    if reason == "closed" then break end
    output:send(number * number)
  end
  output:close()
end

local function show(input)
  while true do
    local number, reason = input:recv()
    if reason == "closed" then break end
    say("%d", number)
  end
  say "end"
end

-- An end of a pipe belongs to the process, and closing it closes it for all threads.
local function run(closes, ...)
  local numbers, numbers_end = concur.pipe(...)
  local squares, squares_end = concur.pipe(...)
  local creator = concur.spawn(create, numbers_end, closes)
  local squarer = concur.spawn(square, numbers, squares_end)
  local ok, message = pcall(show, squares)
  assert(creator:join())
  return squarer, ok, message
end

local chain = "0 1 4 9 16 25 36 49 64 81"

local function closed()
  -- with pipes that go both ways, and with pipes of one direction: it is the same
  for _, duplex in ipairs { true, false } do
    local from = #said() + 1
    local squarer, ok = run(true, duplex)
    assert(squarer:join())
    assert(ok and table.concat(said(), " ", from) == chain .. " end")
  end
end

local function deadlock()
  local from = #said() + 1
  local squarer, ok, message = run(false)
  local report = example.deadlock { squarer }
  assert(not ok and message:find "MainThread waits for concur%.pipe: [^\n]*, at [^\n]*square_chain%.lua:%d+")
  assert(report:find "Thread%-%d+ waits for concur%.pipe: [^\n]*, at [^\n]*square_chain%.lua:%d+")
  assert(table.concat(said(), " ", from) == chain)
end

local variant = arg[1] or "both"
if variant ~= "deadlock" then
  print "-- closed"
  closed()
end
if variant ~= "closed" then
  print "-- deadlock"
  deadlock()
end
