-- Four ways to get at the results of a pool: a future each, in the order in which they end; a callback; `imap`, in
-- order but one by one, from an iterator without end; and `map_reduce`, which keeps only the sum.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local pool <close> = concur.pool { workers = 3 }

local function slow(i)
  concur.sleep(example.pause(0.4) / i)
  return i
end

local futures, order = {}, {}
for i = 1, 3 do futures[i] = pool:submit(slow, i) end
for future in concur.as_completed(futures) do order[#order + 1] = future:result() end
print("as they ended: " .. table.concat(order, " "))
assert(#order == 3 and order[3] == 1) -- the slowest

local called = {}
for i = 1, 3 do pool:apply_async(slow, { i }, function(x) called[#called + 1] = x end) end
concur.wait_all { pool:submit(slow, 1) } -- callbacks run while main waits
print("called back: " .. table.concat(called, " "))

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
