-- Queues under load, for long.
local concur = require "concur"
local kit = require "spec.support.kit"

-- A thread's random numbers differ from run to run; the seed is told on failure.
local SEED = tonumber(os.getenv("STRESS_SEED")) or os.time()

local function with_seed(fn)
  local ok, err = pcall(fn)
  if not ok then error(("seed %d: %s"):format(SEED, tostring(err)), 0) end
end

kit.each_kind(function(kind)
  describe("a queue", function()
    it("loses and doubles nothing while everybody gives up at random", function()
      with_seed(function()
        for round = 1, 10 do
          local q = concur.queue(round % 4)
          local putters, getters = {}, {}
          for p = 1, 6 do
            putters[p] = kind.spawn(function(seed)
              math.randomseed(seed, p)
              local put = {}
              for i = 1, 20000 do
                local n = p * 1000000 + i
                local what = math.random(10)
                local item = what == 1 and { n, { n } } or what == 2 and ("%d "):format(n):rep(30) or n
                if q:put(item, math.random(0, 3) * 0.00003) then put[#put + 1] = n end
              end
              return put
            end, SEED + round)
          end
          for g = 1, 6 do
            getters[g] = kind.spawn(function(seed)
              math.randomseed(seed, 100 + g)
              local got, last = {}, {}
              while true do
                local item, reason = q:get(math.random(0, 3) * 0.00003)
                if item == nil then
                  if reason == "closed" then return got end
                else
                  if type(item) == "table" then item = item[1] end
                  if type(item) == "string" then item = math.tointeger(tonumber(item:match("^%d+"))) end
                  local p = item // 1000000
                  assert(not last[p] or last[p] < item, "out of order")
                  last[p] = item
                  got[#got + 1] = item
                end
              end
            end, SEED + round)
          end
          local wanted, count = {}, 0
          for _, t in ipairs(putters) do
            for _, n in ipairs(kit.join(t)) do wanted[n], count = true, count + 1 end
          end
          q:close()
          for _, t in ipairs(getters) do
            for _, n in ipairs(kit.join(t)) do
              if not wanted[n] then error("doubled or never put: " .. n) end
              wanted[n], count = nil, count - 1
            end
          end
          assert.are.equal(0, count)
        end
      end)
    end)

    it("closed at a random moment: what was put is got or left", function()
      with_seed(function()
        math.randomseed(SEED)
        for round = 1, 1500 do
          local q = concur.queue(round % 3)
          local list = {}
          for p = 1, 3 do
            list[p] = kind.spawn(function()
              for i = 1, 1000 do
                if not q:put(p * 10000 + i) then return "put", i - 1 end
              end
              return "put", 1000
            end)
          end
          for g = 4, 6 do
            list[g] = kind.spawn(function()
              local n = 0
              for _ in q:items() do n = n + 1 end
              return "got", n
            end)
          end
          for _ = 1, math.random(0, 200) do concur.yield() end
          q:close()
          local balance = 0
          for _, t in ipairs(list) do
            local what, n = kit.join(t)
            balance = balance + (what == "put" and n or -n)
          end
          assert.are.equal(balance, q:qsize())
          while q:get(0) do balance = balance - 1 end
          assert.are.equal(0, balance)
        end
      end)
    end)

    it("getters are cancelled in thousands of races, and the item is in one place", function()
      local q = concur.queue()
      local victims, done = concur.queue(), concur.queue()
      local canceller = kind.spawn(function()
        for victim in victims:items() do done:put(victim:cancel()) end
      end)
      local served, left = 0, 0
      for i = 1, 20000 do
        local t = kind.spawn(function() return q:get() end)
        if i % 4 ~= 0 then kit.until_waiting(t) end
        if i % 2 == 0 then victims:put(t) end
        q:put { i }
        if i % 2 == 1 then victims:put(t) end
        done:get(20)
        local ok, item = t:join(20)
        if ok then
          served = served + 1
        else
          if item ~= concur.CANCELLED then error(item) end
          left = left + 1
          item = q:get(0)
        end
        assert.are.equal(i, item[1])
        assert.is_true(q:empty())
      end
      victims:close()
      kit.join(canceller)
      assert.is_true(served > 0 and left > 0, ("%d and %d"):format(served, left))
    end)

    it("64 getters and putters on one that holds one item", function()
      local q = concur.queue(1)
      local list = {}
      for i = 1, 32 do
        list[i] = kind.spawn(function()
          for k = 1, 500 do q:put(i * k) end
        end)
        list[32 + i] = kind.spawn(function()
          local sum = 0
          for _ = 1, 500 do sum = sum + q:get(20) end
          return sum
        end)
      end
      local sum = 0
      for i = 1, 64 do sum = sum + (kit.join(list[i]) or 0) end
      assert.are.equal(32 * 33 // 2 * (500 * 501 // 2), sum)
    end)

    it("thousands of queues come and go with what is in them", function()
      local before = kit.live()
      local memory = concur.info().shared_memory
      local list = {}
      for i = 1, 8 do
        list[i] = kind.spawn(function()
          for k = 1, 3000 do
            local q = concur.queue(k % 5)
            local inner = concur.queue()
            q:put { inner, ("x"):rep(k % 700) }
            q:put(inner, 0)
            inner:put(k)
            assert(q:get(0)[1]:get(0) == k)
            if k % 100 == 0 then collectgarbage() end
          end
        end)
      end
      kit.join_all(list)
      list = nil
      kit.settled(before)
      assert.is_true(concur.info().shared_memory <= memory + 65536 and list == nil)
    end)
  end)
end)
