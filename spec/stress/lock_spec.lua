-- Locks, events and values under load, for long.
local concur = require "concur"
local kit = require "spec.support.kit"

local SEED = tonumber(os.getenv("STRESS_SEED")) or os.time()

kit.each_kind(function(kind)
  describe("a lock", function()
    for _, threads in ipairs { 2, 8, 32 } do
      it(("keeps %d threads apart for long"):format(threads), function()
        local lock, sum, inside = concur.lock(), concur.value(0), concur.value(0)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            math.randomseed(SEED, i)
            local mine = 0
            for _ = 1, 300000 // threads do
              local timeout = math.random(4)
              local held
              if timeout == 1 then held = lock:acquire(0)
              elseif timeout == 2 then held = lock:acquire(0.00002)
              else held = lock:acquire() end
              if held then
                assert(inside:add(1) == 1, "two are inside")
                sum:set(sum:get() + 1)
                if math.random(500) == 1 then concur.yield() end
                inside:add(-1)
                lock:release()
                mine = mine + 1
              end
            end
            return mine
          end)
        end
        local total = 0
        for _, t in ipairs(list) do total = total + kit.join(t) end
        assert.are.equal(total, sum:get(), "seed " .. SEED)
        assert.is_false(lock:locked())
      end)
    end

    it("survives thousands of cancelled holders and waiters", function()
      local lock, last = concur.lock(), concur.value(0) -- who came in last
      for i = 1, 3000 do
        local list = {}
        for k = 1, 3 do
          list[k] = kind.spawn(function()
            while true do
              lock:with(function()
                last:set(k)
                if math.random(100) == 1 then concur.yield() end
                assert(last:get() == k, "two are inside")
              end)
              concur.checkpoint()
            end
          end)
        end
        for _ = 1, i % 7 do concur.yield() end
        for _, t in ipairs(list) do t:cancel() end
        for _, t in ipairs(list) do
          local ok, err = t:join(20)
          assert.is_false(ok)
          if err ~= concur.CANCELLED then error(err) end
        end
        assert.is_true(lock:acquire(20) == lock, "round " .. i)
        lock:release()
      end
    end)
  end)

  describe("an event", function()
    it("wakes all, in thousands of rounds of set and clear", function()
      for round = 1, 2000 do
        local event, ready = concur.event(), concur.value(0)
        local list = {}
        for i = 1, 4 do
          list[i] = kind.spawn(function()
            ready:add(1)
            return event:wait(20)
          end)
        end
        for _, t in ipairs(list) do kit.until_waiting(t) end
        event:set()
        event:clear()
        for _, t in ipairs(list) do
          if not kit.join(t) then error("not woken in round " .. round) end
        end
        assert.are.equal(4, ready:get())
      end
    end)

    it("passes a token round a ring", function()
      local n, rounds = 8, 3000
      local ring, list = {}, {}
      for i = 1, n do ring[i] = concur.event() end
      for i = 1, n do
        list[i] = kind.spawn(function()
          for k = 1, rounds do
            assert(ring[i]:wait(20), "lost in round " .. k)
            ring[i]:clear()
            if i < n or k < rounds then ring[i % n + 1]:set() end
          end
        end)
      end
      ring[1]:set()
      kit.join_all(list)
    end)
  end)

  describe("a value", function()
    it("counts in eight threads, across every border, for long", function()
      for _, start in ipairs { 0, (1 << 62) - 400000, -(1 << 62) + 100, math.maxinteger - 100000, 0.5, -1000.25 } do
        local v = concur.value(start)
        local list = {}
        for i = 1, 8 do
          list[i] = kind.spawn(function()
            for k = 1, 100000 do v:add(k % 2 == 0 and 3 or -1) end
          end)
        end
        kit.join_all(list)
        assert.are.equal(start + 8 * 100000, v:get())
      end
    end)

    it("swaps tables and long strings with nothing lost", function()
      local before = kit.live()
      do
        local v = concur.value(0)
        local list = {}
        for i = 1, 8 do
          list[i] = kind.spawn(function()
            local seen = {}
            for k = 1, 20000 do
              local n = i * 1000000 + k
              local old = v:swap(k % 2 == 0 and { n, concur.current() } or ("%d "):format(n):rep(20))
              if type(old) == "string" then old = math.tointeger(tonumber(old:match("^%d+"))) end
              seen[k] = type(old) == "table" and old[1] or old
            end
            return seen
          end)
        end
        local all, count = {}, 0
        for _, t in ipairs(list) do
          for _, n in ipairs(kit.join(t)) do
            assert.is_nil(all[n])
            all[n], count = true, count + 1
          end
        end
        assert.are.equal(160000, count)
        v:set(nil)
      end
      kit.settled(before)
    end)
  end)
end)
