-- The ends of pools while maps are going on, wait_first in a loop, tasks that wait by concur.wait.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

kit.each_kind(function(kind)
  describe("a pool", function()
    it("that is terminated stops an iteration that has nothing in line", function()
      local pool = concur.pool { kind = kind.name, workers = 2 }
      local n = 0
      local err = kit.error_of(function()
        for i in pool:imap(function(x) return x end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, { ahead = 2 }) do
          n = i
          if i == 2 then pool:terminate() end
        end
      end)
      assert.is_true(err == concur.CANCELLED)
      assert(n < 10)
    end)

    it("that is closed goes on with its maps, also once it was joined", function()
      local pool = concur.pool { kind = kind.name, workers = 2 }
      local got = 0
      for i in pool:imap(function(x) return x end, { 1, 2, 3, 4, 5, 6 }, { ahead = 2 }) do
        if i == 2 then pool:close() end
        got = got + 1
      end
      assert.are.equal(6, got)
      assert.is_true(pool:join(T))
      pool = concur.pool { kind = kind.name, workers = 2 }
      local next_result = pool:imap(function(x) return 2 * x end, { 1, 2, 3, 4, 5, 6 }, { ahead = 2 })
      pool:close()
      assert.is_true(pool:join(T))
      for i = 1, 6 do kit.same({ i, 2 * i }, { next_result() }) end
      assert.is_nil(next_result())
      kit.eventually("the workers have ended", function() return pool:stats().workers == 0 end)
    end)

    it("ends though a worker has left with the last item of a map", function()
      for _ = 1, 5 do
        local pool = concur.pool { kind = kind.name, workers = 1, max_tasks = 10 }
        pool:map(function(x) return x end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
        pool:close()
        assert.is_true(pool:join(T))
      end
    end)

    it("that is terminated at any moment leaves no map behind", function()
      for i = 1, h.sanitized and 8 or 40 do
        local pool = concur.pool { kind = kind.name, workers = 2 }
        local t = concur.spawn(function()
          while true do
            local ok, err = pcall(pool.map, pool, function(x) return x end, { 1, 2, 3 })
            if not ok then return err end
          end
        end)
        concur.sleep(0.0002 * i % 0.002)
        pool:terminate()
        local err = kit.join(t)
        assert(err == concur.CANCELLED or tostring(err):find "the pool was terminated", tostring(err))
      end
    end)

    it("counts a task as waiting that uses concur.wait", function()
      local pool <close> = concur.pool { kind = kind.name, workers = 1 }
      assert.are.equal("inner", pool:submit(function(p)
        local f = p:submit(function() return "inner" end)
        concur.wait { f }
        return f:result(0)
      end, pool):result(T))
    end)

    it("lets its tasks submit after it was closed", function()
      local f
      do
        local pool <close> = concur.pool { kind = kind.name, workers = 2 }
        f = pool:submit(function(p)
          local function fib(n)
            if n < 2 then return n end
            return p:apply(fib, n - 1) + p:map(fib, { n - 2 })[1]
          end
          return fib(6)
        end, pool)
      end
      assert.are.equal(8, (f:result(0)))
    end)

    it("is broken by an initializer that a worker cannot load", function()
      local module = { f = function() end }
      package.loaded.a_module_of_this_state = module
      local pool = concur.pool { kind = kind.name, workers = 2, initializer = function()
        require "a_module_that_is_nowhere"
      end }
      local err = kit.error_of(function() pool:apply(print) end)
      assert.is_truthy(tostring(err):find "module 'a_module_that_is_nowhere' not found", err)
      pool:close()
      assert.is_true(pool:join(T))
      package.loaded.a_module_of_this_state = nil
    end)
  end)
end)

describe("a future", function()
  it("forgets those who asked and went away", function()
    local f = concur.future()
    local empty = kit.live()
    for _ = 1, 200 do
      concur.wait_first({ f }, 0)
      concur.wait_all({ f, f }, 0.00001)
      for _ in concur.as_completed({ f }, 0.00001) do empty = nil end
    end
    kit.settled(empty)
    f:set_result(1)
    assert.are.equal(1, #concur.wait_all { f })
  end)

  it("that is cancelled gives up what it would have been called with", function()
    local pool <close> = concur.thread_pool(1)
    local go = concur.event()
    pool:submit(function() go:wait(T) end)
    local empty = kit.live()
    local f = pool:submit(print, concur.queue(), ("x"):rep(1000))
    f:cancel()
    kit.eventually("the queue has gone", function()
      collectgarbage()
      return concur.info().objects.queue == empty.queue
    end)
    assert.is_true(f:cancelled())
    go:set()
  end)
end)

describe("a queue's room", function()
  it("goes to the next who waits when the one that it was given to is killed", function()
    for _ = 1, h.sanitized and 3 or 20 do
      local pool <close> = concur.pool { workers = 1, max_queue = 1 }
      local go, started = concur.event(), concur.event()
      pool:submit(function()
        started:set()
        go:wait(T)
      end)
      assert(started:wait(T))
      pool:submit(print)
      local p = concur.process(function() pool:submit(function() end) end):start()
      kit.until_waiting(p)
      local t = concur.spawn(function() return pool:submit(function() return "room" end):result(T) end)
      kit.until_waiting(t)
      p:signal(19) -- SIGSTOP
      go:set()
      kit.eventually("the queued call is taken", function() return pool:stats().queued == 0 end)
      p:kill()
      p:join(T)
      assert.are.equal("room", kit.join(t))
    end
  end)
end)
