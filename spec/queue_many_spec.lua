-- put_many and get_many of queues, lifos and priority queues
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local function range(first, last)
  local list = { n = 0 }
  for i = first, last do
    list.n = list.n + 1
    list[list.n] = i
  end
  return list
end

-- What is in there, without waiting.
local function drain(q)
  local list = {}
  while not q:empty() do list[#list + 1] = q:get(0) end
  return list
end

local function reversed(list)
  local new = { n = list.n }
  for i = 1, #list do new[i] = list[#list + 1 - i] end
  return new
end

for _, name in ipairs { "queue", "lifo", "priority_queue" } do
  local make = concur[name]
  -- the order in which ascending items come out
  local function order(list) return name == "lifo" and reversed(list) or list end

  describe("put_many and get_many of a " .. name, function()
    it("put all and take all", function()
      for _, n in ipairs { 1, 2, 127, 128, 129, 255, 256, 257, 1000, 5000 } do
        local q = make()
        kit.same({ n, n = 1 }, table.pack(q:put_many(range(1, n))))
        assert.are.equal(n, q:qsize())
        kit.same({ order(range(1, n)), n = 1 }, table.pack(q:get_many(n)))
        assert.is_true(q:empty())
      end
    end)

    it("take at most max, and do not wait for more than one", function()
      local q = make()
      q:put_many(range(1, 10))
      local all = order(range(1, 10))
      local got = { n = 10 }
      for _, max in ipairs { 1, 2, 3.0, math.maxinteger } do
        local took, list = kit.seconds(function() return q:get_many(max, 10) end)
        assert.is_true(took < 5)
        assert.are.equal(math.min(max, 10 - #got), list.n)
        table.move(list, 1, list.n, #got + 1, got)
      end
      kit.same(all, got)
      kit.same({ nil, "empty", n = 2 }, table.pack(q:get_many(5, 0)))
      kit.same({ nil, "empty", n = 2 }, table.pack(q:get_many(5, false)))
      kit.same({ nil, "empty", n = 2 }, table.pack(q:get_many(5, 0.001)))
    end)

    it("an empty list puts nothing", function()
      local q = make(1)
      for _ = 1, 2 do
        kit.same({ 0, n = 1 }, table.pack(q:put_many {}))
        kit.same({ 0, n = 1 }, table.pack(q:put_many({ n = 0, 5 }, 0)))
        q:put(1, 0)
      end
      assert.are.equal(1, #q)
    end)

    it("n counts, and else the length", function()
      local q = make()
      kit.same({ 2, n = 1 }, table.pack(q:put_many { 1, 2, 3, n = 2 }))
      kit.same({ 3, n = 1 }, table.pack(q:put_many { 4, 5, 6 }))
      assert.are.equal(5, q:qsize())
    end)

    it("a full one takes what there is room for", function()
      for _, maxsize in ipairs { 1, 7, 128, 200 } do
        for _, timeout in ipairs { 0, 0.0, false, 0.001 } do
          local q = make(maxsize)
          kit.same({ maxsize, "full", n = 2 }, table.pack(q:put_many(range(1, 300), timeout)))
          assert.is_true(q:full())
          kit.same({ 0, "full", n = 2 }, table.pack(q:put_many({ 1, 2 }, timeout)))
          kit.same(order(range(1, maxsize)), q:get_many(1000))
        end
      end
    end)

    it("a closed one takes nothing and is drained", function()
      local q = make()
      q:put_many(range(1, 3))
      q:close()
      kit.same({ 0, "closed", n = 2 }, table.pack(q:put_many { 4 }))
      kit.same({ 0, "closed", n = 2 }, table.pack(q:put_many({ 4 }, 0)))
      kit.same(order(range(1, 3)), q:get_many(5))
      kit.same({ nil, "closed", n = 2 }, table.pack(q:get_many(5)))
      kit.same({ nil, "closed", n = 2 }, table.pack(q:get_many(5, 0)))
    end)

    it("something untransferable raises and puts nothing", function()
      local before = kit.live()
      local q = name == "priority_queue" and concur.priority_queue { key = "k" } or make()
      q:put { k = 0 }
      local large = { k = 2, e = concur.event(), s = ("x"):rep(5000) }
      local file = io.tmpfile()
      local message = kit.error_of(function() q:put_many { { k = 1 }, large, { k = 3, a = { file } }, { k = 4 } } end)
      local pattern = "^spec/queue_many_spec.lua:%d+: cannot transfer a userdata %(at .*a%[1%]%)"
      assert.is_truthy(message:find(pattern), message)
      assert.are.equal(1, q:qsize())
      message = kit.error_of(function() q:put_many { { k = 1 }, { k = 1, coroutine.create(print) } } end)
      assert.is_truthy(message:find("cannot transfer a thread", 1, true), message)
      kit.same({ { k = 0 }, n = 1 }, q:get_many(9))
      q, large = nil, nil
      kit.settled(before)
      assert.is_nil(q or large)
    end)

    it("a __transfer that raises, or puts many itself", function()
      local q, other = name == "priority_queue" and concur.priority_queue { key = "k" } or make(), make()
      local raising = setmetatable({ k = 1 }, { __transfer = function() error("no", 0) end })
      local list = { { k = 0 }, raising }
      assert.are.equal("no", kit.error_of(function() q:put_many(list) end))
      assert.are.equal(0, q:qsize())
      local puts = setmetatable({ k = 1 }, { __transfer = function()
        other:put_many(range(1, 200))
        return math.max, 4, 5
      end })
      assert.are.equal(3, q:put_many { { k = 0 }, puts, { k = 2 } })
      kit.same(order { { k = 0 }, 5, { k = 2 }, n = 3 }, q:get_many(5))
      kit.same(order(range(1, 200)), other:get_many(500))
    end)

    it("refuse wrong arguments and change nothing", function()
      local q = make()
      q:put(1)
      for _, wrong in ipairs { 1, "ab", print, true, q } do
        kit.raises("bad argument #1 to 'put_many' (…", function() q:put_many(wrong) end)
      end
      kit.raises("bad argument #1 to 'put_many' (…", function() q:put_many() end)
      for _, n in ipairs { -1, 1.5, "2", {}, 0 / 0, math.huge, true } do
        kit.raises("bad argument #1 to 'put_many' (…", function() q:put_many { 1, 2, n = n } end)
      end
      for _, timeout in ipairs { -1, 0 / 0, "1", {} } do
        kit.raises("bad argument #2 to 'put_many' (…", function() q:put_many({ 1, 2 }, timeout) end)
        kit.raises("bad argument #2 to 'get_many' (…", function() q:get_many(2, timeout) end)
      end
      for _, max in ipairs { 0, -1, math.mininteger, 1.5, 0 / 0, math.huge, "many", {}, true } do
        kit.raises("bad argument #1 to 'get_many' (…", function() q:get_many(max) end)
      end
      kit.raises("bad argument #1 to 'get_many' (…", function() q:get_many() end)
      kit.same({ 1, n = 1 }, q:get_many(5))
    end)
  end)

  kit.each_kind(function(kind)
    describe("between threads, many items of a " .. name, function()
      it("wait for room and for the first", function()
        local q = make(3)
        local t = kind.spawn(function() return q:put_many(range(1, 20), T) end)
        local list = {}
        while #list < 20 do
          local some = q:get_many(7, T)
          assert.is_true(some.n >= 1 and some.n <= 7 and some.n == #some)
          table.move(some, 1, some.n, #list + 1, list)
        end
        kit.same({ 20, n = 1 }, table.pack(kit.join(t)))
        table.sort(list)
        list.n = 20
        kit.same(range(1, 20), list)
        t = kind.spawn(function() return q:get_many(5) end)
        kit.until_waiting(t)
        q:put(7)
        kit.same({ { 7, n = 1 }, n = 1 }, table.pack(kit.join(t)))
      end)

      it("close ends a put_many that waits, and it says how many are in", function()
        for _, discard in ipairs { false, true } do
          local q = make(2)
          local t = kind.spawn(function() return q:put_many(range(1, 10)) end)
          kit.until_waiting(t)
          q:close(discard)
          kit.same({ 2, "closed", n = 2 }, table.pack(kit.join(t)))
          assert.are.equal(discard and 0 or 2, q:qsize())
        end
        local q = make()
        local t = kind.spawn(function() return q:get_many(10) end)
        kit.until_waiting(t)
        q:close()
        kit.same({ nil, "closed", n = 2 }, table.pack(kit.join(t)))
      end)

      it("a put_many that times out says how many are in", function()
        local q = make(2)
        q:put(0)
        local n, reason = kit.join(kind.spawn(function() return q:put_many(range(1, 10), 0.01) end))
        kit.same({ 1, "full" }, { n, reason })
        assert.are.equal(2, q:qsize())
      end)

      it("a cancelled put_many leaves the first ones in, a cancelled get_many everything", function()
        for i = 1, 100 do
          local q = make(3)
          local t = kind.spawn(function() return q:put_many(range(1, 10)) end)
          kit.until_waiting(t)
          local taken = i % 2 == 0 and q:get(0) or nil
          t:cancel()
          local ok, err = t:join(T)
          assert.is_true(not ok and err == concur.CANCELLED)
          local list = drain(q)
          list[#list + 1] = taken
          table.sort(list)
          assert.is_true(#list == 3 or taken and #list == 4, #list .. " items")
          for k, item in ipairs(list) do assert.are.equal(k, item) end

          t = kind.spawn(function() return q:get_many(10) end)
          if i % 3 > 0 then kit.until_waiting(t) end
          t:cancel()
          q:put_many(range(1, 3), 0)
          ok, list = t:join(T)
          if ok then
            assert.are.equal(3 - q:qsize(), list.n)
          else
            assert.is_true(list == concur.CANCELLED)
            assert.are.equal(3, q:qsize())
          end
        end
      end)

      it("each arrives once, with many on both ends", function()
        for _, maxsize in ipairs { 0, 1, 50 } do
          local q = make(maxsize)
          local putters, getters = {}, {}
          for p = 1, 4 do
            putters[p] = kind.spawn(function()
              local i = 0
              while i < 1000 do
                local n = math.min(1000 - i, i % 37 + 1)
                assert(q:put_many(range(p * 10000 + i + 1, p * 10000 + i + n), T) == n)
                i = i + n
              end
            end)
            getters[p] = kind.spawn(function()
              local got, last = {}, { 0, 0, 0, 0 }
              while true do
                local list, reason = q:get_many(p * p * 10)
                if not list then return reason == "closed" and got end
                for k = 1, list.n do
                  local item = list[k]
                  if name == "queue" then
                    assert(item > last[item // 10000], "out of order")
                    last[item // 10000] = item
                  end
                  got[#got + 1] = item
                end
              end
            end)
          end
          kit.join_all(putters)
          q:close()
          local seen, count = {}, 0
          for _, t in ipairs(getters) do
            for _, item in ipairs(kit.join(t)) do
              if seen[item] then error("doubled: " .. item) end
              seen[item], count = true, count + 1
            end
          end
          assert.are.equal(4000, count)
        end
      end)
    end)
  end)
end

describe("put_many and get_many", function()
  it("carry items of all kinds and sizes", function()
    for _, make in ipairs { concur.queue, concur.lifo } do
      local q = make()
      local list = { n = 0 }
      local function add(v)
        list.n = list.n + 1
        list[list.n] = v
      end
      for n = 0, 700 do
        add(("s"):rep(n))
        add(n % 2 == 0)
        if n % 3 == 0 then add(nil) end
        add(n / 3)
        add { n, ("t"):rep(n) }
      end
      add(nil)
      assert.are.equal(list.n, q:put_many(list))
      local got = { n = 0 }
      while not q:empty() do
        local some = q:get_many(math.min(333, got.n // 2 + 1))
        table.move(some, 1, some.n, got.n + 1, got)
        got.n = got.n + some.n
      end
      if make == concur.lifo then
        for i = 1, got.n // 2 do got[i], got[got.n + 1 - i] = got[got.n + 1 - i], got[i] end
      end
      kit.same(list, got)
    end
  end)

  it("share nothing with the list, and items share nothing with each other", function()
    local q = concur.queue()
    local shared = { 1 }
    local list = { shared, shared }
    q:put_many(list)
    shared[1] = 2
    local got = q:get_many(2)
    kit.same({ 1 }, got[1])
    kit.same({ 1 }, got[2])
    assert.is_false(got[1] == got[2])
  end)

  it("move handles, and count their references back", function()
    local before = kit.live()
    for _, make in ipairs { concur.queue, concur.lifo } do
      local q, list = make(400), {}
      for i = 1, 500 do list[i] = { concur.event(), ("x"):rep(i * 5) } end
      assert.are.equal(400, (q:put_many(list, 0)))
      assert.is_true(q:get_many(150)[1][1]:id() > 0)
      q:put_many(list, 0)
      q:close(true)
    end
    kit.settled(before)
  end)
end)
