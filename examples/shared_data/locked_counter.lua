-- A lock is for what belongs together: an amount that leaves one account and comes into
-- another. Each of the two numbers could be changed atomically by itself, but then their
-- sum would be wrong for a moment, and an auditor might look just then.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(2000)
local accounts, lock, open = concur.dict { anna = 1000, ben = 1000 }, concur.lock(), concur.event()
open:set()

local function transfer(from, to)
  for i = 1, rounds do
    local amount = i % 10
    local _ <close> = lock:acquire()
    accounts[from] = accounts[from] - amount
    accounts[to] = accounts[to] + amount
  end
end

-- How often the auditor looked, and how often the sum was wrong.
local function audit()
  local looks, wrong = 0, 0
  repeat
    local _ <close> = lock:acquire()
    if accounts.anna + accounts.ben ~= 2000 then wrong = wrong + 1 end
    looks = looks + 1
  until not open:is_set()
  return looks, wrong
end

local auditor = concur.spawn(audit)
local there, back = concur.spawn(transfer, "anna", "ben"), concur.spawn(transfer, "ben", "anna")
assert(there:join())
assert(back:join())
open:clear()
local _, looks, wrong = assert(auditor:join())

print(("anna %d, ben %d; the auditor looked %d times, the sum was wrong %d times")
  :format(accounts.anna, accounts.ben, looks, wrong))
assert(accounts.anna == 1000 and accounts.ben == 1000 and looks > 0 and wrong == 0)
