-- Four things that can be acquired, each held once to the end of a block, and once
-- between `acquire` and `release`. The lines show each as it prints while it is held.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function scoped(primitive)
  local held <close> = primitive:acquire()
  say("(%s) %s held in a block", concur.current().name, held)
end

local function direct(primitive)
  primitive:acquire()
  local ok, err = pcall(say, "(%s) %s held directly", concur.current().name, tostring(primitive))
  primitive:release()
  assert(ok, err)
end

local primitives = { concur.lock(), concur.rlock(), concur.condition(), concur.semaphore(1) }
for _, primitive in ipairs(primitives) do
  local thread1 = concur.spawn(scoped, primitive)
  local thread2 = concur.spawn(direct, primitive)
  assert(thread1:join())
  assert(thread2:join())
end

local lines = said()
assert(#lines == 8)
for i, kind in ipairs { "lock", "rlock", "condition", "semaphore" } do
  local state = kind == "semaphore" and "%(0%)" or "%(locked.*%)"
  local held = ("^%%(Thread%%-(%%d)%%) concur%%.%s: %%S+ %s held "):format(kind, state)
  local pair = { tonumber(lines[2 * i - 1]:match(held)), tonumber(lines[2 * i]:match(held)) }
  assert(math.min(table.unpack(pair)) == 2 * i - 1 and math.max(table.unpack(pair)) == 2 * i)
end
-- Nothing stays held.
for _, primitive in ipairs(primitives) do assert(primitive:acquire(0)) end
