-- concur.dict between threads, under errors and for lack of memory
local concur = require "concur"
local kit = require "spec.support.kit"
local h = require "spec.support.helpers"

local function memory() return concur.info().shared_memory end

-- Whether a thread is seen to end without help.
local function ends(t) return t:join(kit.TIMEOUT) ~= nil end

-- Starts fn(started, go) elsewhere, which must set `started` and may wait for `go`.
local function inside(kind, fn)
  local started, go = concur.event(), concur.event()
  local t = kind.spawn(fn, started, go)
  assert(started:wait(kit.TIMEOUT))
  return t, go
end

kit.each_kind(function(kind)
  describe("a dict's update", function()
    it("counts words from 4 threads", function()
      local d = concur.dict()
      local words = { "the", "quick", "fox", ("long"):rep(100), 7, 0.5, true }
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function()
          for k = 1, 1000 do
            for w = 1, #words do
              if (k + w) % 3 ~= 0 then d:update(words[w], function(n, step) return (n or 0) + step end, i) end
            end
          end
        end)
      end
      kit.join_all(list)
      local sum = 0
      for w = 1, #words do
        for k = 1, 1000 do sum = sum + ((k + w) % 3 ~= 0 and 10 or 0) end
        assert.are.equal(sum, d[words[w]])
        sum = 0
      end
      assert.are.equal(#words, #d)
    end)

    it("gives arguments on, stores and returns what comes back; nil removes", function()
      local d = concur.dict { k = 1 }
      assert.are.equal(111, d:update("k", function(...)
        kit.same({ 1, 10, nil, 100, n = 4 }, table.pack(...))
        return 111
      end, 10, nil, 100))
      assert.are.equal(111, d.k)
      assert.is_nil((d:update("k", function() return nil end)))
      assert.is_false(d:has("k"))
      assert.is_nil((d:update("new", function(...)
        kit.same({ n = 1 }, table.pack(...))
      end)))
      assert.are.equal(0, #d)
      kit.same({ 1 }, (d:update("t", function() return { 1 } end)))
      kit.same({ 1, 2 }, (d:update("t", function(t)
        t[2] = 2
        return t
      end)))
      kit.same({ 1, 2 }, d.t)
    end)

    it("with an error, a yield or a wrong result leaves all as it was", function()
      local before = kit.live()
      do
        local d = concur.dict { k = { "old" } }
        local other = concur.event()
        local bad = {
          function() error { "mine", other } end,
          function() error("text", 0) end,
          function() coroutine.yield(1) end,
          function() return coroutine.create(print) end,
          function() return { other, io.tmpfile() } end,
          function(old)
            old[1] = "changed"
            error "after a change"
          end,
        }
        for _, fn in ipairs(bad) do
          local co = coroutine.wrap(function() return pcall(d.update, d, "k", fn) end)
          assert.is_false((co()))
          assert.is_false((pcall(d.update, d, "new", fn)))
          kit.same({ k = { "old" } }, d:copy())
          assert.is_true(kit.join(kind.spawn(function() -- nobody has the turn
            d.k = { "old" }
            return d:update("new", function() return nil end) == nil
          end)))
        end
        local _, err = pcall(d.update, d, "k", bad[1])
        assert.is_true(err[1] == "mine" and err[2] == other)
        kit.raises("bad argument #2 to 'update' (…", function() d:update("k") end)
        kit.raises("bad argument #2 to 'update' (…", function() d:update("k", {}) end)
      end
      kit.settled(before)
    end)

    it("that recurses without end gives its turn back", function()
      local d = concur.dict { k = 1 }
      local function again() return d:update("k", again) end
      assert.is_string(kit.error_of(again))
      assert.are.equal(2, kit.join(kind.spawn(function()
        d.k = 2
        return d.k
      end)))
    end)

    it("within an update, of the same key and of others", function()
      local d = concur.dict { a = 1, b = 1 }
      assert.are.equal(12, d:update("a", function(a)
        d:update("a", function(x) return x + 10 end)
        d.a = d.a + 100
        for i = 1, 50 do d:update(i, function() return i end) end
        d:update("b", function(b) return b + d.a end)
        assert.is_false((pcall(d.update, d, "a", error)))
        return d:pop("a") - 100 + a
      end))
      kit.same({ 12, 112, 52 }, { d.a, d.b, #d })
      d:update("a", function()
        d:clear()
        d:merge { a = 1, z = 1 }
        return 5
      end)
      kit.same({ a = 5, z = 1 }, d:copy())
    end)

    it("keeps out all other changes, not those who read", function()
      local changes = {
        function(d) d.k = "changed" end,
        function(d) d:set("k", "changed") end,
        function(d) d:pop("k") end,
        function(d) d.k = nil end,
        function(d) d:update("k", function(old) return old .. " changed" end) end,
        function(d) d:clear() end,
        function(d) d:merge { k = "changed" } end,
      }
      local results = { "changed", "changed", nil, nil, "new changed", nil, "changed" }
      for i, change in ipairs(changes) do
        local d = concur.dict { k = "old", other = 1 }
        local t, go = inside(kind, function(started, go)
          return d:update("k", function()
            started:set()
            go:wait()
            assert(d.k == "old")
            return "new"
          end)
        end)
        local changer = kind.spawn(change, d)
        kit.until_waiting(changer)
        assert.are.equal("old", d.k) -- readers do not wait
        assert.is_true(d:has("k"))
        assert.are.equal("old", d:copy().k)
        assert.are.equal("old", d:setdefault("k", 1))
        for k, v in pairs(d) do assert.are.equal(k == "k" and "old" or 1, v) end
        assert.is_true(#d >= 1)
        go:set()
        assert.are.equal("new", kit.join(t))
        kit.join(changer)
        assert.are.equal(results[i], d.k)
      end
    end)

    it("a cancellation inside, or while waiting for it, leaves the old value", function()
      local before = kit.live()
      do
        local d = concur.dict { k = "old" }
        local t = inside(kind, function(started, go)
          d:update("k", function()
            started:set()
            go:wait()
            return "new"
          end)
        end)
        local waiting = kind.spawn(function() d.k = { "theirs" } end)
        local next_one = kind.spawn(function() return d:update("k", function(old) return old .. " and" end) end)
        kit.until_waiting(waiting)
        kit.until_waiting(next_one)
        waiting:cancel()
        kit.same({ false, concur.CANCELLED }, { waiting:join(kit.TIMEOUT) })
        assert.are.equal("old", d.k)
        t:cancel()
        kit.same({ false, concur.CANCELLED }, { t:join(kit.TIMEOUT) })
        assert.are.equal("old and", kit.join(next_one))
        local busy = inside(kind, function(started)
          d:update("k", function()
            started:set()
            while true do end
          end)
        end)
        busy:cancel()
        assert.is_true(ends(busy))
        local gone = kind.spawn(function() d:update("k", function() concur.exit("gone") end) end)
        assert.are.equal("gone", kit.join(gone))
        d.k = d.k .. " on"
        assert.are.equal("old and on", d.k)
      end
      kit.settled(before)
    end)

    it("waiting for oneself is a deadlock that is told", function()
      local out = kit.run [[
        local concur = require "concur"
        local d = concur.dict { k = 1 }
        print(pcall(d.update, d, "k", function()
          return concur.spawn(function() d.k = 2 end):join()
        end))
        d.k = 3
        print(d.k)
      ]]
      assert.is_truthy(out:find("deadlock", 1, true) and out:find("concur.dict", 1, true), out)
      assert.is_truthy(out:find("\n3\n"), out)
    end)
  end)

  describe("a dict between threads", function()
    it("setdefault and pop agree about who was first", function()
      local d = concur.dict()
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function()
          local mine, taken = 0, 0
          for k = 1, 2000 do
            local now = d:setdefault(k, { i })
            assert(type(now) == "table", "setdefault gave nothing")
            if now[1] == i then mine = mine + 1 end
          end
          for k = 1, 2000 do
            if d:pop(k) then taken = taken + 1 end
          end
          return mine, taken
        end)
      end
      local taken = 0
      for _, t in ipairs(list) do taken = taken + select(2, kit.join(t)) end
      assert.is_true(taken >= 2000 and #d == 0)
    end)

    it("setdefault gives a value even while others remove the key", function()
      local d, stop = concur.dict(), concur.event()
      local t = kind.spawn(function()
        while not stop:is_set() do d.k = nil end
      end)
      for i = 1, 10000 do assert(d:setdefault("k", i % 2 == 0 and i or { i }) ~= nil) end
      stop:set()
      kit.join(t)
    end)

    it("values are never torn", function()
      local d = concur.dict { k = { 0, ("0"):rep(100), 0 } }
      local stop = concur.event()
      local function check(x)
        if type(x) == "table" then
          assert(x[1] == x[3] and x[2] == tostring(x[1] % 10):rep(100), "torn")
        elseif type(x) == "string" then
          assert(x == x:sub(1, 1):rep(#x), "torn")
        else
          assert(x == nil or x == 0.25, "torn")
        end
      end
      local readers, writers = {}, {}
      for i = 1, 2 do
        readers[i] = kind.spawn(function()
          repeat
            check(d.k)
            check(d:copy().k)
          until stop:is_set()
        end)
        writers[i] = kind.spawn(function()
          local others = { ("a"):rep(20), ("b"):rep(230), ("c"):rep(2000), 0.25 }
          for n = 1, 4000 do
            if n % 3 == i then d.k = { n, tostring(n % 10):rep(100), n } else d.k = others[n % 5] end
          end
        end)
      end
      kit.join_all(writers)
      stop:set()
      kit.join_all(readers)
    end)

    it("a snapshot is of one moment", function()
      local d = concur.dict()
      for i = 1, 40 do d[i] = 0 end
      local stop = concur.event()
      local writer = kind.spawn(function() -- each change after the other: a[1] ≥ a[2] ≥ … ≥ a[1] - 1
        local n = 0
        repeat
          n = n + 1
          for i = 1, 40 do d[i] = n end
        until stop:is_set()
      end)
      local mover = kind.spawn(function() -- a key is there before the one it replaces goes
        local n = 0
        repeat
          n = n + 1
          d["at" .. n] = n
          d["at" .. n - 1] = nil
        until stop:is_set()
      end)
      kit.eventually("the mover moves", function() return d:has("at1") or #d > 40 end)
      for _ = 1, 300 do
        local ways = { function() return d:copy() end, function()
          local t = {}
          for k, v in pairs(d) do t[k] = v end
          return t
        end }
        for _, way in ipairs(ways) do
          local t, n = way(), 0
          for i = 2, 40 do assert(t[i] <= t[i - 1] and t[i] >= t[1] - 1, "not of one moment") end
          for k in pairs(t) do n = n + (type(k) == "string" and 1 or 0) end
          assert(n == 1 or n == 2, "not of one moment")
        end
        local n = #d:keys()
        assert(n == 41 or n == 42)
        n = #d:values()
        assert(n == 41 or n == 42)
      end
      stop:set()
      kit.join_all { writer, mover }
    end)

    it("amounts move by nested updates and the sum stays", function()
      local d = concur.dict { a = 500, b = 500 }
      local lock = concur.lock()
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function()
          for n = 1, 500 do
            lock:with(function() -- one order of keys, as with locks, or one lock
              d:update("a", function(a)
                local amount = (n * i) % 7
                d:update("b", function(b) return b + amount end)
                return a - amount
              end)
            end)
          end
        end)
      end
      kit.join_all(list)
      assert.are.equal(1000, d.a + d.b)
    end)
  end)
end)

describe("a dict's memory", function()
  it("a million keys come and go", function()
    local n = h.sanitized and 50000 or 1000000
    local before, d = memory(), concur.dict()
    for i = 1, n do d[i] = i end
    assert.are.equal(n, #d)
    for i = 1, n, 7 do assert(d[i] == i) end
    local sum = 0
    for k, v in pairs(d) do
      assert(k == v)
      sum = sum + v
    end
    assert.are.equal(n * (n + 1) // 2, sum)
    local full = memory()
    for i = 1, n do d[i] = nil end
    assert.are.equal(0, #d)
    local left = memory() - before
    assert.is_true(left < (full - before) / 50 + 8192, ("%d bytes of %d left"):format(left, full - before))
    d.x = 1
    assert.are.equal(1, d.x)
  end)

  it("values, keys and errors leave nothing", function()
    local live, bytes = kit.live(), memory()
    do
      local d = concur.dict()
      local event = concur.event()
      local broken = setmetatable({}, { __transfer = function() return error, "not today" end })
      for i = 1, 300 do
        local key = ("key"):rep(i)
        d[key] = { event, ("x"):rep(i * 10), concur.queue() }
        d[key] = concur.list { d[key][3] }
        d[i] = ("long"):rep(i)
        d.broken = broken
        assert(not pcall(function() return d.broken end))
        assert(not pcall(d.copy, d) and not pcall(d.values, d) and not pcall(pairs, d))
        assert(not pcall(d.pop, d, "broken"))
        assert(not pcall(d.set, d, key, { event, coroutine.create(print) }))
        assert(not pcall(d.merge, d, { a = event, b = { event, io.tmpfile() }, [key] = ("y"):rep(1000) }))
        assert(not pcall(concur.dict, { a = event, [key] = ("y"):rep(1000), [{}] = 1 }))
        assert(not d:has("a") and not d:has("broken"))
      end
      assert.are.equal(600, #d)
    end
    kit.settled(live)
    kit.eventually("the memory is back", function() return memory() <= bytes + 4096 end)
  end)
end)
