-- task_done and join of queues, lifos and priority queues
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT
local TOO_MANY = "task_done() called too many times"

for _, name in ipairs { "queue", "lifo", "priority_queue" } do
  local make = concur[name]

  describe("the tasks of a " .. name, function()
    it("are done when each item that was put is marked", function()
      local q = make()
      kit.same({ true, n = 1 }, table.pack(q:join()))
      kit.same({ true, n = 1 }, table.pack(q:join(0)))
      for i = 1, 3 do q:put(i) end
      for i = 1, 3 do
        for _, timeout in ipairs { 0, 0.0, false, 0.001 } do
          kit.same({ false, n = 1 }, table.pack(q:join(timeout)))
        end
        assert.are.equal("number", type(q:get(0)))
        assert.is_false(q:join(0)) -- taken is not done
        assert.are.equal(0, select("#", q:task_done()))
        assert.are.equal(i == 3, q:join(0))
      end
      assert.is_true(q:join(nil))
      assert.is_true(q:join(true))
      q:put(4)
      assert.is_false(q:join(0)) -- again
    end)

    it("cannot be more than the items", function()
      local q = make(5)
      kit.raises(TOO_MANY, function() q:task_done() end)
      q:put(1)
      q:get(0)
      q:task_done()
      for _ = 1, 3 do kit.raises(TOO_MANY, function() q:task_done() end) end
      q:put_many { 1, 2, 3 }
      q:get_many(3)
      for _ = 1, 3 do q:task_done() end
      kit.raises(TOO_MANY, function() q:task_done() end)
      q:close()
      kit.raises(TOO_MANY, function() q:task_done() end)
      assert.is_true(q:join(0))
    end)

    it("are not counted for items that did not get in", function()
      local q = make(1)
      q:put(1)
      q:put(2, 0)
      q:put_many({ 2, 3 }, 0)
      pcall(q.put, q, 1, -1)
      pcall(q.put, q, coroutine.create(print))
      pcall(q.put_many, q, { 1, coroutine.create(print) })
      q:close()
      q:put(3)
      q:put_many { 3, 4 }
      q:task_done()
      assert.is_true(q:join(0))
      kit.raises(TOO_MANY, function() q:task_done() end)
    end)

    it("that are discarded are done", function()
      local q = make()
      q:put_many { 1, 2, 3, 4 }
      q:get(0)
      q:close()
      assert.is_false(q:join(0))
      q:close(true)
      assert.is_false(q:join(0)) -- the one that was taken
      q:task_done()
      assert.is_true(q:join(0))
      kit.raises(TOO_MANY, function() q:task_done() end)
    end)

    it("may be marked before they are taken; discarding does not count them twice", function()
      local q = make()
      q:put_many { 1, 2, 3 }
      for _ = 1, 2 do q:task_done() end
      q:close(true)
      assert.is_true(q:join(0))
      kit.raises(TOO_MANY, function() q:task_done() end)
    end)

    it("join refuses wrong timeouts, and is never early", function()
      local q = make()
      for _ = 1, 2 do
        for _, wrong in ipairs { -1, -0.001, 0 / 0, -math.huge, "1", {}, print } do
          kit.raises("bad argument #1 to 'join' (…", function() q:join(wrong) end)
        end
        q:put(1)
      end
      local took, done = kit.seconds(function() return q:join(0.02) end)
      assert.is_true(took >= 0.02 and done == false)
    end)
  end)

  kit.each_kind(function(kind)
    describe("between threads, the tasks of a " .. name, function()
      it("wake all who join, once the last is done", function()
        local q = make()
        q:put_many { 1, 2, 3 }
        local list = {}
        for i = 1, 10 do
          list[i] = kind.spawn(function() return q:join(i % 2 == 0 and T or nil) end)
          kit.until_waiting(list[i])
        end
        for i = 1, 3 do
          for _, t in ipairs(list) do assert.is_true(t:is_alive()) end
          if i == 2 then
            kit.join(kind.spawn(function() q:task_done() end))
          else
            q:task_done()
          end
        end
        for _, t in ipairs(list) do assert.is_true(kit.join(t)) end
      end)

      it("close(true) wakes who joins, close() does not", function()
        local q = make()
        q:put_many { 1, 2, 3 }
        local t = kind.spawn(function() return q:join() end)
        kit.until_waiting(t)
        q:close()
        assert.are.equal("waiting", t:status())
        q:close(true)
        assert.is_true(kit.join(t))
      end)

      it("a join that is cancelled or times out leaves the others", function()
        local q = make()
        q:put(1)
        local cancelled = kind.spawn(function() return q:join() end)
        local short = kind.spawn(function() return q:join(0.005) end)
        local long = kind.spawn(function() return q:join() end)
        kit.until_waiting(cancelled)
        kit.until_waiting(long)
        cancelled:cancel()
        local ok, err = cancelled:join(T)
        assert.is_true(not ok and err == concur.CANCELLED)
        assert.is_false(kit.join(short))
        q:task_done()
        assert.is_true(kit.join(long))
      end)

      it("wait for workers", function()
        local q, sum = make(8), concur.value(0)
        local workers = {}
        for i = 1, 4 do
          workers[i] = kind.spawn(function()
            while true do
              local list = i % 2 == 0 and q:get_many(5) or { q:get(), n = 1 }
              if not list or list[1] == nil then return end
              for k = 1, list.n do
                sum:add(list[k])
                q:task_done()
              end
            end
          end)
        end
        for round = 1, 20 do
          for i = 1, 50 do q:put(i) end
          q:put_many { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }
          assert.is_true(q:join(T))
          assert.are.equal(round * (50 * 51 // 2 + 15 * 16 // 2), sum:get())
        end
        q:close()
        kit.join_all(workers)
      end)

      it("marked by many at once are counted exactly", function()
        local q, marked = make(), concur.value(0)
        for i = 1, 1000 do q:put(i) end
        local list = {}
        for i = 1, 4 do
          list[i] = kind.spawn(function()
            local refused
            for _ = 1, 300 do
              local ok, err = pcall(q.task_done, q)
              if ok then marked:add(1) else refused = err end
            end
            return refused
          end)
        end
        local refusals = 0
        for _, t in ipairs(list) do
          local err = kit.join(t)
          if err then
            refusals = refusals + 1
            assert.is_truthy(err:find(TOO_MANY, 1, true), err)
          end
        end
        assert.are.equal(1000, marked:get())
        assert.is_true(refusals > 0)
        assert.is_true(q:join(0))
      end)

      it("race with join, and none sleeps on", function()
        local q = make()
        local there, back = concur.queue(), concur.queue()
        local worker = kind.spawn(function()
          for _ in there:items() do
            q:get(T)
            q:task_done()
            back:put(true)
          end
        end)
        for i = 1, 1000 do
          q:put(i)
          there:put(true)
          assert.is_true(q:join(T))
          assert.is_true(back:get(T))
        end
        there:close()
        kit.join(worker)
      end)
    end)
  end)
end
