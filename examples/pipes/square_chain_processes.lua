-- The chain of pipes/square_chain.lua with processes: the first sends numbers into a
-- pipe, the second squares them and sends them into the next one, main prints them. A
-- child has the ends that it was given and no others, and they are closed when it ends.
-- Main still has all four, and the stream ends only when the last copy of its sending end
-- is closed, in whatever process: so main closes the ends that it has given away.
--
--   closed    as told above
--   deadlock  main keeps one end that it does not use. More numbers might come from
--             there, and the second process waits for them: the report names both
--
--   lua5.4 square_chain_processes.lua [closed|deadlock]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()

local function create(output)
  for number = 0, 9 do output:send(number) end
end

local function square(input, output)
  while true do
    local number, reason = input:recv()
    if reason == "closed" then break end
    output:send(number * number)
  end
end

local function show(input)
  while true do
    local number, reason = input:recv()
    if reason == "closed" then break end
    say("%d", number)
  end
  say "end"
end

local function run(closes, duplex)
  local numbers, numbers_end = concur.pipe(duplex)
  local squares, squares_end = concur.pipe(duplex)
  local creator = concur.process(create, numbers_end):start()
  local squarer = concur.process(square, numbers, squares_end):start()
  numbers:close()
  squares_end:close()
  if closes then numbers_end:close() end
  local ok, message = pcall(show, squares)
  assert(creator:join() and creator.exitcode == 0)
  local joined, report = squarer:join()
  if not closes then numbers_end:close() end -- not before: it would help the second process out
  return squarer, joined, report, ok, message
end

local chain = "0 1 4 9 16 25 36 49 64 81"

local function closed()
  -- with pipes that go both ways, and with pipes of one direction: it is the same
  for _, duplex in ipairs { true, false } do
    local from = #said() + 1
    local squarer, joined, _, ok = run(true, duplex)
    assert(joined and squarer.exitcode == 0)
    assert(ok and table.concat(said(), " ", from) == chain .. " end")
  end
end

-- Both waits, with their lines: the same report in both processes.
local function check(report, squarer)
  local names = {}
  for name in report:gmatch "\n  (%S+) waits for concur%.pipe: [^\n]*, at [^\n]*square_chain_processes%.lua:%d+" do
    names[#names + 1] = name
  end
  table.sort(names)
  local list = table.concat(names, " ")
  assert(list == "MainProcess/MainThread " .. squarer.name .. "/MainThread", report)
end

local function deadlock()
  for _, duplex in ipairs { true, false } do
    local from = #said() + 1
    local squarer, joined, report, ok, message = run(false, duplex)
    print(report)
    assert(not joined and squarer.exitcode == 1)
    check(report, squarer)
    -- Main raises its own, though the second process, which ends with its report, closes its end.
    assert(not ok)
    check(message, squarer)
    assert(table.concat(said(), " ", from) == chain)
  end
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
