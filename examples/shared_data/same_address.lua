-- Two kinds of memory. A shared one has one cell i, whoever asks, so all workers load the
-- same number from it. Where each has a memory of its own, cell i is another cell for each,
-- and what they load differs. An array of concur is memory of the first kind, also between
-- processes; a table is memory of the second kind, also between threads.
--
-- Look at the last lines: what a worker stores into the array all others see, what it stores
-- into its table nobody else does, and has to be told in a message.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local size, address = 8, 3

local shared = concur.array("i64", size)
for i = 1, size do shared[i] = 100 + i end
local private = {}
for i = 1, size do private[i] = 0 end

local told = concur.queue()

-- `private` is an upvalue, and arrives as a copy: from here on it is this worker's.
local function load_cell(number)
  for i = 1, size do private[i] = 1000 * number + i end
  say("worker %d loads %d from cell %d of the array, %d from cell %d of its table", number, shared[address], address,
    private[address], address)
  shared[number] = number
  told:put { worker = number, array = shared[address], table = private[address] }
end

local workers = {}
for number, kind in ipairs { "thread", "thread", "process", "process" } do
  -- they store into cells 5 to 8
  workers[number] = concur[kind](load_cell, 4 + number):start()
end
for _, worker in ipairs(workers) do assert(worker:join()) end

local from_tables, different = {}, 0
for _ = 1, #workers do
  local message = told:get()
  assert(message.array == 100 + address)
  if not from_tables[message.table] then different = different + 1 end
  from_tables[message.table] = true
end
print("numbers loaded from the array: 1; from tables: " .. different)
print("main finds in the array:", table.concat(shared:copy(), " "))
print("main finds in its table:", table.concat(private, " "))

assert(#said() == 4 and different == 4)
assert(table.concat(shared:copy(), " ") == "101 102 103 104 5 6 7 8")
assert(table.concat(private, " ") == ("0 "):rep(size):sub(1, -2))
