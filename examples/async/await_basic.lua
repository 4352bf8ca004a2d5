-- A function that waits for another one: what `await` is about. While the inner one sleeps, a third makes progress,
-- and its result comes back to who awaits it, all in one thread.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local async = concur.async

local pause = math.max(example.pause(0.1), 0.1) -- longer than any hitch of the machine
local steps = {}
local thread = concur.current()

local function step(text)
  assert(concur.current() == thread)
  steps[#steps + 1] = text
  print(text)
end

local function compute(x)
  step "compute begins"
  async.sleep(pause)
  step "compute ends"
  return x * x
end

local function hello()
  step "hello begins"
  local task = async.spawn(compute, 6)
  local result = task:await()
  step("hello got " .. result)
  return result
end

local result = async.run(function()
  local other = async.spawn(function()
    for i = 1, 3 do
      async.sleep(pause / 10)
      step("meanwhile " .. i)
    end
  end)
  local value = hello()
  other:await()
  return value
end)

assert(result == 36)
assert(table.concat(steps, ", ") ==
  "hello begins, compute begins, meanwhile 1, meanwhile 2, meanwhile 3, compute ends, hello got 36")
