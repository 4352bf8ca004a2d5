-- The search for deadlocks under load: rings of threads of which one is awake at a time, for
-- long, and circles that are made again and again.
-- STRESS_SECONDS: how long each ring runs.
local h = require "spec.support.helpers"

local SECONDS = tonumber(os.getenv("STRESS_SECONDS")) or 8

describe("no deadlock is reported", function()
  for _, way in ipairs { "queue", "full queue", "event", "condition", "semaphore", "lock", "rwlock" } do
    for _, threads in ipairs { 2, 5, 16 } do
      it(("in a ring of %d threads over: %s"):format(threads, way), function()
        local head = ("local concur = require 'concur' local WAY, THREADS, SECONDS = %q, %d, %g\n"):format(
          way, threads, SECONDS)
        assert.equal("ok\n", h.output(head .. h.read("spec/model/ring.lua"), { timeout = SECONDS + 60 }))
      end)
    end
  end

  it("when threads end and begin at that moment, thousands of times", function()
    assert.equal("ok\n", h.output([[
      local concur = require "concur"
      local finish = concur.now() + ]] .. SECONDS .. [[

      local n = 0
      while concur.now() < finish do
        n = n + 1
        local e, q = concur.event(), concur.queue()
        local a = concur.spawn(function() e:wait() return q:get() end)
        local b = concur.spawn(function() a:join() end)
        concur.spawn(function()
          concur.spawn(function() q:put(n) e:set() end)
        end)
        if n % 2 == 0 then concur.timer(0, function() e:set() end):start() end
        if n % 20 == 0 then concur.spawn(function() concur.sleep(0.03) end) end
        b:join()
        assert(select(2, a:join()) == n)
      end
      print "ok"
    ]], { timeout = SECONDS + 60 }))
  end)
end)

describe("a circle of rlocks", function()
  it("is told every time, whatever else goes on", function()
    assert.equal("ok\n", h.output([[
      local concur = require "concur"
      concur.excepthook = false
      local stop = concur.value(false)
      local busy = {}
      for i = 1, 2 do
        busy[i] = concur.spawn(function()
          local l = concur.rlock()
          while not stop:get() do l:with(function() concur.sleep(0.0001) end) end
        end)
      end
      local finish = concur.now() + ]] .. SECONDS .. [[

      local n = 0
      while concur.now() < finish do
        n = n + 1
        local size = 2 + n % 4
        local locks, all, list = {}, concur.barrier(size), {}
        for i = 1, size do locks[i] = concur.rlock() end
        for i = 1, size do
          list[i] = concur.spawn(function()
            local held <close> = locks[i]:acquire()
            all:wait(20)
            local other <close> = locks[i % size + 1]:acquire()
          end)
        end
        local told = 0
        for _, t in ipairs(list) do
          local ok, err = t:join(20)
          assert(ok ~= nil, "a thread hangs")
          if not ok then
            assert(tostring(err):find(": deadlock: "), err)
            told = told + 1
          end
        end
        assert(told >= 1)
        for i = 1, size do assert(not locks[i]:locked()) end
      end
      stop:set(true)
      for _, t in ipairs(busy) do assert(t:join(20)) end
      print "ok"
    ]], { timeout = SECONDS + 60 }))
  end)
end)
