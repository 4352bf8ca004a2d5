-- The other primitives, thread-local storage and timers under load, for long.
local concur = require "concur"
local kit = require "spec.support.kit"

local T = 60
local SEED = tonumber(os.getenv("STRESS_SEED")) or os.time()

local function join(t)
  local results = table.pack(t:join(T))
  if not results[1] then
    error(("seed %d: %s: %s"):format(SEED, tostring(t), tostring(t:traceback() or results[2])), 2)
  end
  return table.unpack(results, 2, results.n)
end

local function cancelled(t)
  local ok, err = t:join(T)
  if ok ~= false or err ~= concur.CANCELLED then
    error(("seed %d: %s gave %s, %s"):format(SEED, tostring(t), tostring(ok), tostring(err)), 2)
  end
end

kit.each_kind(function(kind)
  describe("under stress, rlocks", function()
    for _, threads in ipairs { 2, 16, 64 } do
      it(("keep %d threads apart, however often they are taken"):format(threads), function()
        local rlock, sum = concur.rlock(), concur.value(0)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            math.randomseed(SEED, i)
            local mine = 0
            local function take(depth)
              local held <close> = rlock:acquire(depth == 1 and math.random(3) == 1 and 0.00005 or T)
              if not held then return end
              assert(rlock:count() == depth)
              if depth < 3 and math.random(2) == 1 then return take(depth + 1) end
              local n = sum:get()
              if math.random(200) == 1 then concur.yield() end
              sum:set(n + 1)
              mine = mine + 1
            end
            for _ = 1, 60000 // threads do take(1) end
            return mine
          end)
        end
        local total = 0
        for _, t in ipairs(list) do total = total + join(t) end
        assert.are.equal(total, sum:get(), "seed " .. SEED)
        assert.are.equal(0, rlock:count())
      end)
    end
  end)

  describe("under stress, conditions", function()
    for _, lock in ipairs { "lock", "rlock" } do
      it("over a " .. lock .. ": no notify is swallowed by timeouts", function()
        local condition, stop = concur.condition(concur[lock]()), concur.value(false)
        local list = {}
        for i = 1, 12 do
          list[i] = kind.spawn(function()
            math.randomseed(SEED, i)
            local woken = 0
            while not stop:get() do
              condition:with(function()
                if condition:wait(math.random(0, 5) * 0.00004) then woken = woken + 1 end
              end)
            end
            return woken
          end)
        end
        local said = 0
        math.randomseed(SEED)
        for turn = 1, 20000 do
          condition:with(function() said = said + condition:notify(math.random(0, 4)) end)
          if turn % 4 == 0 then concur.yield() end
        end
        stop:set(true)
        local woken = 0
        for _, t in ipairs(list) do woken = woken + join(t) end
        assert.are.equal(said, woken, "seed " .. SEED)
        assert.is_true(said > 1000, "hardly anybody was woken")
      end)

      it("over a " .. lock .. ": no notify is swallowed by cancellations", function()
        local condition = concur.condition(concur[lock]())
        local function waiter(once)
          local t = kind.spawn(function() condition:with(once.run, once, condition.wait, condition, T) end)
          kit.until_waiting(t)
          condition:acquire()
          condition:release()
          return t
        end
        math.randomseed(SEED)
        for _ = 1, 1500 do
          local onces, list = {}, {}
          for i = 1, 3 do
            onces[i] = concur.once()
            list[i] = waiter(onces[i])
          end
          local victim, n = math.random(2), math.random(2)
          list[victim]:cancel()
          local said = condition:with(function() return condition:notify(n) end)
          assert.are.equal(n, said, "seed " .. SEED)
          local woken = 0
          kit.eventually("as many end as were woken", function()
            woken = 0
            for i = 1, 3 do
              if onces[i]:done() then woken = woken + 1 end
            end
            return woken == n
          end)
          condition:with(function() condition:notify_all() end)
          for i = 1, 3 do list[i]:join(T) end
        end
      end)
    end

    it("a ring of them passes a token", function()
      local n, turns = 8, 4000
      local lock, turn = concur.rlock(), concur.value(1)
      local conditions = {}
      for i = 1, n do conditions[i] = concur.condition(lock) end
      local list = {}
      for i = 1, n do
        list[i] = kind.spawn(function()
          for _ = 1, turns // n do
            conditions[i]:with(function()
              assert(conditions[i]:wait_for(function() return turn:get() == i end, T))
              turn:set(i % n + 1)
              assert(conditions[i % n + 1]:notify() <= 1)
            end)
          end
        end)
      end
      for _, t in ipairs(list) do join(t) end
      assert.are.equal(1, turn:get())
    end)
  end)

  describe("under stress, semaphores", function()
    it("lose no unit to timeouts, cancellations and releases of many", function()
      local semaphore, inside = concur.bounded_semaphore(4), concur.value(0)
      local list = {}
      for i = 1, 16 do
        list[i] = kind.spawn(function()
          math.randomseed(SEED, i)
          for _ = 1, 2500 do
            local want, got = math.random(3), 0
            while got < want and semaphore:acquire(math.random(0, 3) * 0.00003) do got = got + 1 end
            if got > 0 then
              assert(inside:add(got) <= 4, "too many are inside")
              inside:add(-got)
              semaphore:release(got)
            end
          end
        end)
      end
      for i = 1, 1500 do
        local t = kind.spawn(function()
          while true do semaphore:with(concur.checkpoint) end
        end)
        for _ = 1, i % 5 do concur.yield() end
        t:cancel()
        cancelled(t)
      end
      for _, t in ipairs(list) do join(t) end
      assert.are.equal(4, semaphore:value(), "seed " .. SEED)
    end)
  end)

  describe("under stress, barriers", function()
    for _, threads in ipairs { 2, 5, 16 } do
      it(("of %d keep their rounds apart, broken and mended at random"):format(threads), function()
        local acted, stop = concur.value(0), concur.value(false)
        local barrier = concur.barrier(threads, function() acted:add(1) end)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            math.randomseed(SEED, i)
            local sum, passed, broken = 0, 0, 0
            while not stop:get() do
              local timeout = math.random(50) == 1 and 0.00005 or 0.05
              local index, what = barrier:wait(timeout)
              if index then
                sum, passed = sum + index, passed + 1
              else
                assert(what == "broken")
                broken = broken + 1
                barrier:reset()
              end
            end
            barrier:abort()
            return sum, passed, broken
          end)
        end
        math.randomseed(SEED)
        local enough, deadline = concur.now() + 2, concur.now() + T
        while concur.now() < enough or acted:get() < 3 do
          if concur.now() > deadline then error("hardly any round is complete: " .. acted:get()) end
          concur.sleep(math.random() * 0.03)
          if math.random(2) == 1 then barrier:abort() else barrier:reset() end
        end
        stop:set(true)
        local sum, passed = 0, 0
        for _, t in ipairs(list) do
          local s, p = join(t)
          sum, passed = sum + s, passed + p
        end
        assert.is_true(passed > 0, "no round was ever complete")
        assert.are.equal(0, passed % threads, "seed " .. SEED) -- all of a round, or none
        assert.are.equal(passed // threads * (threads * (threads + 1) // 2), sum, "seed " .. SEED)
        assert.is_true(acted:get() >= passed // threads)
      end)
    end

    it("survive cancelled parties", function()
      local barrier = concur.barrier(3)
      math.randomseed(SEED)
      for _ = 1, 1000 do
        local list = {}
        for i = 1, 3 do list[i] = kind.spawn(function() return barrier:wait(T) end) end
        for _ = 1, math.random(0, 4) do concur.yield() end
        local victim = table.remove(list, math.random(3))
        victim:cancel()
        assert.is_true(victim:join(T) ~= nil)
        if victim:status() == "cancelled" then barrier:abort() end -- it may not even have come
        local passed = victim:status() == "done" and 1 or 0
        for _, t in ipairs(list) do
          local index, what = join(t)
          if index then passed = passed + 1 else assert.are.equal("broken", what) end
        end
        local all = victim:status() == "done" and 3 or 2
        assert.is_true(passed == all or passed == 0, "seed " .. SEED)
        barrier:reset()
      end
    end)
  end)

  describe("under stress, rwlocks", function()
    for _, threads in ipairs { 3, 16, 64 } do
      it(("%d threads read and write"):format(threads), function()
        local rwlock, a, b = concur.rwlock(), concur.value(0), concur.value(0)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            math.randomseed(SEED, i)
            local wrote = 0
            for _ = 1, 60000 // threads do
              local timeout = math.random(3) == 1 and math.random() * 0.0001 or T
              if math.random(4) == 1 then
                local hold <close> = rwlock:write(timeout)
                if hold then
                  local n = a:get() + 1
                  a:set(n)
                  b:set(n)
                  wrote = wrote + 1
                end
              else
                local hold <close> = rwlock:read(timeout)
                if hold then
                  local n = a:get()
                  local again <close> = assert(rwlock:read(0))
                  assert(again and n == b:get(), "written while it was read")
                end
              end
            end
            return wrote
          end)
        end
        local wrote = 0
        for _, t in ipairs(list) do wrote = wrote + join(t) end
        assert.are.equal(wrote, a:get(), "seed " .. SEED)
        rwlock:write(0):release()
      end)
    end

    it("holders and waiters are cancelled by the thousand", function()
      local rwlock = concur.rwlock()
      math.randomseed(SEED)
      for _ = 1, 1000 do
        local list = {}
        for k, mode in ipairs { "read", "write", "read", "write" } do
          list[k] = kind.spawn(function()
            while true do
              local hold <close> = rwlock[mode](rwlock, T)
              assert(hold)
            end
          end)
        end
        for _ = 1, math.random(0, 6) do concur.yield() end
        for _, t in ipairs(list) do t:cancel() end
        for _, t in ipairs(list) do cancelled(t) end
        local hold = assert(rwlock:write(T))
        hold:release()
      end
    end)
  end)

  describe("under stress, onces", function()
    it("run one function, though runners are cancelled and fail", function()
      math.randomseed(SEED)
      for _ = 1, 400 do
        local once, good = concur.once(), concur.value(0)
        local list = {}
        for i = 1, 8 do
          local fails = i < 8 and math.random(3) == 1
          list[i] = kind.spawn(function()
            return once:run(function()
              concur.yield()
              if fails then error("on purpose", 0) end
              concur.shield(good.add, good, 1)
              return i
            end)
          end)
        end
        for _ = 1, math.random(0, 3) do concur.yield() end
        list[math.random(7)]:cancel()
        local result = join(list[8])
        for i = 1, 7 do
          local ok, value = list[i]:join(T)
          assert.is_true(value == (ok and result or concur.CANCELLED) or value == "on purpose", tostring(value))
        end
        assert.is_true(good:get() == 1 or good:get() == 2, "seed " .. SEED) -- one may have been stopped just behind
        assert.are.equal(result, once:run(error))
      end
    end)
  end)

  describe("under stress, latches", function()
    it("open for all, round after round", function()
      for round = 1, 300 do
        local latch = concur.latch(8)
        local list = {}
        for i = 1, 8 do
          list[i] = kind.spawn(function()
            if i % 2 == round % 2 then latch:count_down() end
            if i % 2 ~= round % 2 then latch:count_down(1) end
            return latch:wait(T)
          end)
        end
        for _, t in ipairs(list) do assert.is_true(join(t)) end
      end
    end)
  end)

  describe("under stress, thread-local storage", function()
    it("is each thread's own", function()
      local x = concur.tls(function() return { n = 0 } end)
      local list = {}
      for i = 1, 16 do
        list[i] = kind.spawn(function()
          for k = 1, 3000 do
            x.n = x.n + i
            x[k] = { k }
            if k % 100 == 0 then concur.yield() end
            assert(x.n == k * i and x[k][1] == k)
          end
        end)
      end
      for _, t in ipairs(list) do join(t) end
      assert.are.equal(0, x.n)
    end)
  end)
end)

describe("under stress, timers", function()
  it("thousands run, repeat, and are cancelled at random", function()
    math.randomseed(SEED)
    local before = kit.live()
    do
      local sum, list, late = concur.value(0), {}, 0
      for i = 1, 4000 do
        list[i] = concur.timer(math.random() * 0.5, function() sum:add(1) end):start()
        if i % 3 == 0 then list[math.random(i)]:cancel() end
      end
      for i = 1, 50 do
        list[4000 + i] = concur.timer { interval = math.random() * 0.01 + 0.0001, repeating = true,
          target = function() sum:add(0) end }:start()
      end
      for i = 1, 4000 do
        assert.is_true((list[i]:join(T)) ~= nil)
        if list[i]:status() == "done" then late = late + 1 end
      end
      for i = 4001, 4050 do list[i]:cancel() end
      for i = 4001, 4050 do cancelled(list[i]) end
      assert.is_true(sum:get() >= late and late > 2000, "seed " .. SEED)
    end
    kit.settled(before)
  end)
end)
