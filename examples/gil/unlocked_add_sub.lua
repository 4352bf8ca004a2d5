-- One thread adds a million times, the other subtracts a million times, and nothing
-- keeps them apart. Each step reads the total and then writes it; what the other one
-- wrote in between is lost, so the total at the end is hardly ever 0, and different
-- each time. (`total:add(1)` would do it in one step, and lose nothing.)
--
-- The first thread is joined twice, which is allowed: the second call returns at
-- once. The other one may still be busy then, and the total not the last word.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(1000000)
local total = concur.value(0)

local function add()
  for _ = 1, rounds do total:set(total:get() + 1) end
end

local function sub()
  for _ = 1, rounds do total:set(total:get() - 1) end
end

local thread1 = concur.spawn(add)
local thread2 = concur.spawn(sub)
assert(thread1:join())
assert(thread1:join())
local early = total:get()
print("after joining the first thread twice", early)
assert(thread2:join())
local last = total:get()
print("after joining the second one as well", last)

-- On a single processor nothing may be lost, so 0 is no mistake either.
assert(math.type(last) == "integer")
assert(math.abs(early) <= rounds and math.abs(last) <= rounds)
