-- Thousands of cancellations of busy threads, at moments of all kinds.
-- STRESS_TIMES: how many of each.
local concur = require "concur"
local h = require "spec.support.helpers"

local CANCELLED = concur.CANCELLED
local TIMES = tonumber(os.getenv("STRESS_TIMES")) or 5000

-- Each calls on() once it is in the thick of it, and never ends by itself.
local bodies = {
  { "collecting garbage", function(on)
    collectgarbage("setpause", 100)
    local keep = {}
    on()
    for i = 1, math.huge do
      keep[i % 50 + 1] = { i, ("x"):rep(i % 200), setmetatable({}, { __gc = function() keep[1] = i end }) }
      if i % 1000 == 0 then collectgarbage("step") end
    end
    return keep
  end },
  { "making coroutines", function(on)
    on()
    local list = {}
    for i = 1, math.huge do
      local co = coroutine.wrap(function(...)
        local a = coroutine.yield(...)
        return a
      end)
      co(i)
      if i % 2 == 0 then co(i) end
      list[i % 20] = co
    end
    return list
  end },
  { "nesting coroutines", function(on)
    local function nest(n)
      if n == 0 then return coroutine.yield(0) end
      local co = coroutine.wrap(nest)
      co(n - 1) -- up to the yield of the innermost, which each level passes on
      return coroutine.yield(n)
    end
    on()
    while true do
      local co = coroutine.wrap(nest)
      co(8)
      co()
    end
  end },
  { "growing and shrinking stacks", function(on)
    local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
    on()
    while true do
      deep(180)
      deep(2)
      collectgarbage("step", 0)
    end
  end },
  { "calling C and back", function(on)
    local t, s = {}, ("ab"):rep(50)
    on()
    while true do
      for i = 1, 30 do t[i] = i * 17 % 31 end
      table.sort(t, function(a, b) return a < b end)
      s:gsub(".", function(c) return c:upper() end)
      concur.pcall(function() return select("#", table.unpack(t)) end)
    end
  end },
  { "in pcalls in a coroutine", function(on)
    coroutine.wrap(function()
      on()
      while true do
        concur.pcall(function() return concur.pcall(function() return 1 end) end)
        concur.pcall(error, "x")
      end
    end)()
  end },
  { "in calls of concur", function(on)
    local q, l, r, s = concur.queue(4), concur.lock(), concur.rlock(), concur.semaphore(2)
    on()
    while true do
      q:put("item", 0)
      q:get(0)
      l:with(function() r:with(function() s:acquire():release() end) end)
      q:get(0.00001)
    end
  end },
  { "with handlers to run", function(on)
    local closes = 0
    local mt = { __close = function() for _ = 1, 5 do closes = closes + 1 end end }
    on()
    while true do
      local _ <close> = setmetatable({}, mt)
      concur.pcall(function()
        local _ <close> = setmetatable({}, mt)
        error("x")
      end)
    end
  end },
}

for _, kind in ipairs(h.kinds) do
  describe("cancelling thousands of busy " .. kind .. "s", function()
    for _, body in ipairs(bodies) do
      it("that are " .. body[1], function()
        local function run(f, e) f(function() e:set() end) end
        for i = 1, TIMES do
          local on = concur.event()
          local t = concur[kind](run, body[2], on):start()
          if i % 3 ~= 0 then assert.is_true(on:wait(20)) end
          for _ = 1, i % 13 do concur.yield() end
          for _ = 1, i * 7 % 300 do end
          t:cancel()
          if i % 2 == 0 then t:cancel() end
          local ok, err = h.join(t)
          if ok or err ~= CANCELLED then error(("round %d: %s %s"):format(i, ok, err)) end
        end
      end)
    end

    it("by several at once", function()
      for i = 1, TIMES // 5 do
        local on = concur.event()
        local body = bodies[i % #bodies + 1][2]
        local t = concur[kind](function(f, e) f(function() e:set() end) end, body, on):start()
        local cancellers = {}
        for k = 1, 3 do
          cancellers[k] = concur[kind](function(x)
            for _ = 1, 20 do x:cancel() end
          end, t):start()
        end
        for k = 1, 3 do h.results(cancellers[k]) end
        local ok, err = h.join(t)
        if ok or err ~= CANCELLED then error(("round %d: %s %s"):format(i, ok, err)) end
      end
    end)
  end)
end
