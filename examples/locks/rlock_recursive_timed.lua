-- One thread counts up, one counts down. Each step takes an rlock, and runs a piece of
-- program text that takes it again: code that comes from elsewhere need not know what
-- is held already. The second lock and the compiling have their price, in the last line.
--
-- In quick runs there are fewer steps: CONCUR_EX_SCALE=1 makes a million each.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local steps = example.part(1000000)
local shared = concur.value(0)
local rlock = concur.rlock()

local function change(step)
  local _ <close> = rlock:acquire()
  shared:set(shared:get() + step)
end

local function run(text)
  local env = { change = change }
  for _ = 1, steps do
    local _ <close> = rlock:acquire()
    load(text, "=text", "t", env)()
  end
end

local start = concur.now()
local thread1 = concur.spawn(run, "change(1)")
local thread2 = concur.spawn(run, "change(-1)")
assert(thread1:join())
assert(thread2:join())
print(shared:get())
print(("%.2f s for %d steps"):format(concur.now() - start, 2 * steps))

assert(shared:get() == 0)
assert(not rlock:locked())
