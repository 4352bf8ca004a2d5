-- The same as await_basic.lua in the style from before `await`: a loop of a dozen lines, to which plain coroutines
-- yield what they wait for. It shows what is inside concur.async, which does it without asking all the time.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local pause = math.max(example.pause(0.1), 0.1) -- longer than any hitch of the machine
local steps = {}

local function step(text)
  steps[#steps + 1] = text
  print(text)
end

-- Runs coroutines, each of which yields a function that says whether it may go on.
local function run(...)
  local waiting = {}
  for i, fn in ipairs { ... } do waiting[i] = { routine = coroutine.create(fn), ready = function() return true end } end
  while #waiting > 0 do
    for i = #waiting, 1, -1 do
      local entry = waiting[i]
      if entry.ready() then
        local ok, ready = coroutine.resume(entry.routine)
        assert(ok, ready)
        entry.ready = ready
        if coroutine.status(entry.routine) == "dead" then table.remove(waiting, i) end
      end
    end
    concur.sleep(0.0005)
  end
end

local function sleep(seconds)
  local at = concur.now() + seconds
  coroutine.yield(function() return concur.now() >= at end)
end

local function compute(x)
  step "compute begins"
  sleep(pause)
  step "compute ends"
  return x * x -- `yield from` is an ordinary call: the whole stack of a Lua coroutine waits
end

run(function()
  for i = 1, 3 do
    sleep(pause / 10)
    step("meanwhile " .. i)
  end
end, function()
  step "hello begins"
  local result = compute(6)
  step("hello got " .. result)
  assert(result == 36)
end)

assert(table.concat(steps, ", ") ==
  "hello begins, compute begins, meanwhile 1, meanwhile 2, meanwhile 3, compute ends, hello got 36")
