-- Four ways to get at the results of a pool: a future each, in the order in which they end; a callback; `imap`, in
-- order but one by one, from an iterator without end; and `map_reduce`, which keeps only the sum.

local concur = require "concur"

local pool <close> = concur.pool { workers = 3 }

-- Each task ends when its gate is opened.
local gates = {}
for i = 1, 3 do gates[i] = concur.event() end
local function task(i)
  gates[i]:wait()
  return i
end

local futures, order = {}, {}
for i = 1, 3 do futures[i] = pool:submit(task, i) end
gates[3]:set()
for future in concur.as_completed(futures) do
  local i = future:result()
  order[#order + 1] = i
  if i > 1 then gates[i - 1]:set() end
end
print("as they ended: " .. table.concat(order, " "))
assert(table.concat(order, " ") == "3 2 1")

local called = {}
for i = 1, 3 do futures[i] = pool:apply_async(task, { i }, function(x) called[#called + 1] = x end) end
concur.wait_all(futures) -- callbacks run while main waits, or asks
pool:poll()
table.sort(called)
print("called back: " .. table.concat(called, " "))
assert(table.concat(called, " ") == "1 2 3")

local function primes_of(n)
  for i = 2, math.sqrt(n) // 1 do
    if n % i == 0 then return n, false end
  end
  return n, true
end
local n = 1
local function numbers()
  n = n + 1
  return n
end
local primes = {}
for _, number, is_prime in pool:imap(primes_of, numbers) do
  if is_prime then primes[#primes + 1] = number end
  if #primes == 10 then break end -- what was read ahead is called off
end
print("primes: " .. table.concat(primes, " "))
assert(primes[10] == 29 and n < 60)

local words = { "a", "pool", "of", "three", "workers" }
local letters = pool:map_reduce(string.len, words, function(sum, length) return sum + length end, 0)
print("letters: " .. letters)
assert(letters == 19)
