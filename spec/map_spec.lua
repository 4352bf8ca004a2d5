-- pool:map, starmap, imap, imap_unordered, map_reduce.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local function make(kind, workers) return concur.pool { kind = kind.name, workers = workers or 2 } end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

-- An iterator over 1 … n that counts how many it has given.
local function counter(n)
  local given = { n = 0 }
  return function()
    if given.n < n then
      given.n = given.n + 1
      return given.n
    end
  end, given
end

kit.each_kind(function(kind)
  describe("map", function()
    it("gives the first result of each call, in order", function()
      local pool <close> = make(kind)
      kit.same({ 2, 4, 6, n = 3 }, pool:map(function(x) return 2 * x, "not this" end, { 1, 2, 3 }))
      kit.same({ n = 0 }, pool:map(error, {}))
      kit.same({ nil, nil, n = 2 }, pool:map(function() end, { 1, 2 }))
      kit.same({ 1, nil, 3, n = 3 }, pool:map(function(x) return x end, { 1, nil, 3, n = 3 }))
      kit.same({ "a", { 1 }, 0.5, false, ("x"):rep(1000), n = 5 },
        pool:map(function(x) return x end, { "a", { 1 }, 0.5, false, ("x"):rep(1000) }))
      local q = concur.queue()
      assert.is_true(pool:map(function(x) return x end, { q, q })[2] == q)
      kit.same({ 2, 3, n = 2 }, pool:map(function(x) return x + 1 end, concur.list { 1, 2 }))
      kit.same({ 11, n = 1 }, pool:map(function(x) return x + 1 end, setmetatable({}, {
        __len = function() return 1 end, __index = function(_, i) return 10 * i end,
      })))
    end)

    it("cuts lists of any length into chunks of any size", function()
      local pool <close> = make(kind)
      for _, n in ipairs { 1, 2, 7, 100, 1023, 5000, h.sanitized and 6000 or 200000 } do
        local list = numbers(n)
        for _, chunk in ipairs { false, 1, 3, 1000, 1000000 } do
          if n <= 5000 or chunk ~= 1 then
            local r = pool:map(function(x) return x * x end, list, { chunk = chunk or nil })
            assert.are.equal(n, r.n)
            for i = 1, n do
              if r[i] ~= i * i then error(("item %d of %d is %s"):format(i, n, r[i])) end
            end
          end
        end
      end
    end)

    it("spreads long tasks over the workers", function()
      local pool <close> = make(kind, 4)
      local barrier = concur.barrier(4, nil, T)
      for _, chunk in ipairs { false, 1 } do
        kit.same({ true, true, true, true, n = 4 },
          pool:map(function() return barrier:wait() ~= nil end, numbers(4), { chunk = chunk or nil }))
      end
      -- one that takes long keeps nobody from the others that were given to the same worker
      local first, rest = concur.event(), concur.latch(299)
      pool:map(function(i)
        if i == 30 then
          assert(rest:wait(20))
        else
          rest:count_down()
        end
        first:set()
      end, numbers(300), { chunk = 1 })
    end)

    it("raises the first error, with the index, and calls off the rest", function()
      local pool <close> = make(kind)
      local ran, gate = concur.value(0), concur.event()
      local err = kit.error_of(function()
        pool:map(function(i)
          ran:add(1)
          if i == 13 then error("on purpose", 0) end
          if i > 13 then gate:wait(T) end
        end, numbers(1000))
      end)
      gate:set()
      assert.are.equal("task 13: on purpose", err)
      assert.is_truthy(pool:traceback():find "^on purpose\nstack traceback:.*map_spec")
      assert(ran:get() < 1000)
      local value = { 1 }
      kit.same(value, kit.error_of(function() pool:map(function() error(value) end, numbers(3)) end))
      kit.same(nil, kit.error_of(function() pool:map(function() error() end, numbers(3), { chunk = 3 }) end))
      for _, chunk in ipairs { 1, 4, 10 } do
        err = kit.error_of(function()
          pool:map(function(i) return i == 7 and coroutine.create(print) or i end, numbers(10), { chunk = chunk })
        end)
        assert.is_truthy(err:find "^task 7: cannot transfer a thread", err)
        err = kit.error_of(function()
          local list = numbers(10)
          list[7] = coroutine.create(print)
          pool:map(print, list, { chunk = chunk })
        end)
        assert.is_truthy(err:find "^spec/map_spec.lua:%d+: task 7: cannot transfer a thread", err)
      end
      kit.same({ 1, n = 1 }, pool:map(function(x) return x end, { 1 }))
      err = kit.error_of(function() pool:map(function() concur.exit(1) end, { 1 }) end)
      assert.is_truthy(err:find "^task 1: concur.exit", err)
    end)

    it("gives up at the timeout, and stops what runs", function()
      local pool <close> = make(kind)
      local seconds, r, err = kit.seconds(function()
        return pool:map(kit.endless(kind), numbers(4), { timeout = 0.05 })
      end)
      kit.same({ nil, "timeout" }, { r, err })
      assert(seconds >= 0.05 and seconds < 2, seconds)
      kit.same({ 1, n = 1 }, pool:map(function(x) return x end, { 1 }, { timeout = T }))
      local function wait() concur.event():wait(100) end
      kit.same({ nil, "timeout" }, { pool:map(wait, { 1 }, { timeout = 0 }) })
      kit.same({ nil, "timeout" }, { pool:map_reduce(wait, { 1 }, print, 0, { timeout = 0.01 }) })
      assert.are.equal("free", pool:apply(function() return "free" end))
    end)

    it("checks its arguments", function()
      local pool <close> = make(kind)
      for _, chunk in ipairs { 0, -1, 0.5, "1" } do
        kit.raises("bad option 'chunk' (a positive integer expected, got …", function()
          pool:map(print, { 1 }, { chunk = chunk })
        end)
      end
      kit.raises("bad argument #1 to 'map' (function expected, got nil)", function() pool:map(nil, {}) end)
      kit.raises("bad argument #2 to 'map' (list expected, got nil)", function() pool:map(print) end)
      kit.raises("unknown option 'chunks' for a map", function() pool:map(print, {}, { chunks = 1 }) end)
      kit.raises("bad option 'progress' (true or a function expected, got number)", function()
        pool:map(print, {}, { progress = 1 })
      end)
      kit.raises("task 2: a list of arguments expected, got number", function() pool:starmap(print, { {}, 2 }) end)
      kit.raises("bad argument #3 to 'map_reduce' (function expected, got no value)", function()
        pool:map_reduce(print, {})
      end)
      kit.raises("bad option 'timeout' (time must not be negative)", function()
        pool:map(print, { 1 }, { timeout = -1 })
      end)
    end)

    it("sends the function once for each worker", function()
      local pool <close> = make(kind)
      local loads = concur.value(0)
      local function rebuild()
        loads:add(1)
        return setmetatable({}, { __call = function(_, x) return x + 1 end })
      end
      local callable = setmetatable({}, { __transfer = function() return rebuild end })
      local r = pool:map(function(x) return callable(x) end, numbers(500), { chunk = 1 })
      assert.are.equal(501, r[500])
      assert(loads:get() <= 2, loads:get())
    end)

    it("tells its progress", function()
      local pool <close> = make(kind)
      local calls = {}
      pool:map(function() concur.sleep(0.002) end, numbers(200), { progress = function(done, total)
        calls[#calls + 1] = done
        assert(total == 200)
      end })
      assert.are.equal(200, calls[#calls])
      assert(#calls >= 2)
      for i = 2, #calls do assert(calls[i] >= calls[i - 1]) end
      local function stop() error("stop", 0) end
      kit.same({ false, "stop" }, { pcall(pool.map, pool, print, { 1 }, { progress = stop }) })
    end)

    it("is cancelled with its thread, and takes its tasks along", function()
      local pool <close> = make(kind)
      local started, endless = concur.semaphore(0), kit.endless(kind)
      local t = concur.spawn(function()
        pool:map(function()
          started:release()
          endless()
        end, numbers(10))
      end)
      assert(started:acquire(T))
      assert(started:acquire(T))
      t:cancel()
      kit.same({ false, concur.CANCELLED, n = 2 }, table.pack(t:join(T)))
      assert.are.equal("free", pool:apply(function() return "free" end))
    end)

    it("raises when its pool is terminated", function()
      local pool = make(kind)
      local started = concur.event()
      local t = concur.spawn(function()
        return pcall(pool.map, pool, function()
          started:set()
          concur.event():wait(100)
        end, numbers(10))
      end)
      assert(started:wait(T))
      pool:terminate()
      kit.same({ true, false, concur.CANCELLED, n = 3 }, table.pack(t:join(T)))
    end)

    it("calls back while it waits", function()
      local pool <close> = make(kind)
      local called = concur.event()
      pool:apply_async(function() return 1 end, {}, function() called:set() end)
      kit.same({ true, n = 1 }, pool:map(function() return called:wait(T) end, { 1 }))
    end)

    it("runs beside others in one pool", function()
      local pool <close> = make(kind)
      local threads = {}
      for k = 1, 5 do
        threads[k] = concur.spawn(function()
          local r = pool:map(function(x) return x * k end, numbers(3000), { chunk = k % 2 == 0 and 7 or nil })
          local f = pool:submit(function() return k end)
          for i = 1, 3000 do assert(r[i] == i * k) end
          return f:result(T)
        end)
      end
      for k = 1, 5 do assert.are.equal(k, (kit.join(threads[k]))) end
    end)
  end)

  describe("starmap", function()
    it("calls with lists of arguments", function()
      local pool <close> = make(kind)
      local function add(a, b) return (a or 0) + (b or 0) end
      kit.same({ 3, 7, 0, n = 3 }, pool:starmap(add, { { 1, 2 }, { 3, 4 }, {} }))
      kit.same({ 3, 2, n = 2 },
        pool:starmap(function(...) return select("#", ...) end, { { nil, nil, nil, n = 3 }, { 1, 2 } }, { chunk = 2 }))
      local lists = {}
      for i = 1, 3000 do lists[i] = { i, { i } } end
      local r = pool:starmap(function(a, b) return a + b[1] end, lists)
      for i = 1, 3000 do assert(r[i] == 2 * i) end
    end)
  end)

  describe("map_reduce", function()
    it("folds the results in order", function()
      local pool <close> = make(kind)
      local function same(x) return x end
      assert.are.equal(5050, (pool:map_reduce(same, numbers(100), function(a, b) return a + b end, 0)))
      local s = pool:map_reduce(tostring, numbers(200), function(a, b) return a .. "," .. b end, "")
      assert.are.equal("," .. table.concat(numbers(200), ","), s)
      assert.are.equal("initial", (pool:map_reduce(print, {}, print, "initial")))
      local err = kit.error_of(function() pool:map_reduce(error, { "x" }, print) end)
      assert.are.equal("task 1: x", err)
      assert.are.equal("in reduce", kit.error_of(function()
        pool:map_reduce(tostring, numbers(10), function() error("in reduce", 0) end)
      end))
    end)
  end)

  describe("imap", function()
    it("gives index and all results, in order", function()
      local pool <close> = make(kind)
      local got = {}
      for i, a, b in pool:imap(function(x) return x, 2 * x end, { 10, 20, 30 }) do got[#got + 1] = { i, a, b } end
      kit.same({ { 1, 10, 20 }, { 2, 20, 40 }, { 3, 30, 60 } }, got)
      for i, a in pool:imap(function() end, { 1 }) do got = { i, a } end
      kit.same({ 1 }, got)
      for _ in pool:imap(print, {}) do error "none" end
      for _ in pool:imap(print, function() end) do error "none" end
      for _, chunk in ipairs { false, 1, 2, 10, 100 } do
        local n = 0
        for i, x, y in pool:imap(function(x) return x * x, nil end, numbers(1000), { chunk = chunk or nil }) do
          n = n + 1
          assert(i == n and x == n * n and y == nil)
        end
        assert.are.equal(1000, n)
      end
    end)

    it("reads an iterator lazily, and no more than it may", function()
      local pool <close> = make(kind)
      for _, ahead in ipairs { 1, 3, 20 } do
        local next_number, given = counter(100)
        local n = 0
        for i, x in pool:imap(function(x) return x end, next_number, { ahead = ahead }) do
          n = n + 1
          assert(i == n and x == n)
          assert(given.n <= n + ahead, given.n - n)
        end
        assert.are.equal(100, n)
      end
      local next_number, given = counter(1000)
      for i in pool:imap(function(x) return x end, next_number) do
        assert(given.n <= 20)
        if i == 1 then break end
      end
      for i, n, key in pool:imap(function(a, b) return b, a end, string.gmatch("a=1 b=2", "(%w+)=(%w+)")) do
        kit.same(i == 1 and { "1", "a" } or { "2", "b" }, { n, key })
      end
    end)

    it("raises an error at its turn", function()
      local pool <close> = make(kind)
      for _, chunk in ipairs { 1, 3, 50 } do
        local got = {}
        local err = kit.error_of(function()
          for i, x in pool:imap(function(x)
            if x == 8 then error({ x }) end
            return x
          end, numbers(20), { chunk = chunk }) do
            got[#got + 1] = x
            assert(i == x)
          end
        end)
        kit.same({ 8 }, err)
        kit.same(numbers(7), got)
        got = {}
        err = kit.error_of(function()
          local function refused(x) return x == 5 and coroutine.create(print) or x end
          for _, x in pool:imap(refused, numbers(20), { chunk = chunk }) do got[#got + 1] = x end
        end)
        assert.is_truthy(err:find "^task 5: cannot transfer a thread", err)
        kit.same(numbers(4), got)
      end
      assert.are.equal("from the input", kit.error_of(function()
        for _ in pool:imap(print, function() error("from the input", 0) end) do error "none" end
      end))
    end)

    it("ends at the timeout, and calls off the rest when it is left", function()
      local pool <close> = make(kind)
      local n = 0
      for _ in pool:imap(function(x) if x == 3 then concur.event():wait(100) end end, numbers(10), { timeout = 0.1 }) do
        n = n + 1
      end
      assert.are.equal(2, n)
      local ran = concur.value(0)
      for i in pool:imap(function() ran:add(1) end, numbers(100)) do
        if i == 1 then break end
      end
      assert.are.equal("free", pool:apply(function() return "free" end))
      assert(ran:get() <= 20)
    end)

    it("holds a constant amount of memory", function()
      local pool <close> = make(kind)
      local n, sum, most, before = h.sanitized and 20000 or 300000, 0, 0, concur.info and 0 or 0
      collectgarbage()
      local start = collectgarbage "count"
      for _, x in pool:imap(function(x) return x end, (counter(n)), { chunk = 100, ahead = 1000 }) do
        sum = sum + x
        if x % 10000 == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage "count" - start)
        end
      end
      assert.are.equal(n * (n + 1) // 2, sum + before)
      assert(most < 2000, most)
    end)
  end)

  describe("imap_unordered", function()
    it("gives each item once, as it ends", function()
      local pool <close> = make(kind)
      for _, chunk in ipairs { false, 1, 7 } do
        local seen, n = {}, 0
        for i, x in pool:imap_unordered(function(x) return x + 1 end, numbers(500), { chunk = chunk or nil }) do
          assert(not seen[i] and x == i + 1)
          seen[i] = true
          n = n + 1
        end
        assert.are.equal(500, n)
      end
      local order, others = {}, concur.latch(3)
      local function last(x) if x == 1 then assert(others:wait(T)) end end
      for i in pool:imap_unordered(last, numbers(4)) do
        order[#order + 1] = i
        others:count_down()
      end
      assert.are.equal(1, order[4])
      local err = kit.error_of(function()
        local function fails(x) if x == 3 then error("x", 0) end end
        for _ in pool:imap_unordered(fails, numbers(50)) do concur.checkpoint() end
      end)
      assert.are.equal("task 3: x", err)
    end)
  end)
end)

describe("the progress that concur prints", function()
  it("is one plain line for each tenth where stderr is no terminal", function()
    local r = h.run [[
      local concur = require "concur"
      local pool <close> = concur.thread_pool(1)
      local list = {}
      for i = 1, 20 do list[i] = i end
      pool:map(function() concur.sleep(0.001) end, list, { progress = true, chunk = 1 })
    ]]
    local text = r.err
    assert.are.equal(0, r.code)
    assert.is_truthy(text:find "20/20 %(100 %%%)", text)
    assert.is_nil(text:find "[\r\27]")
    local lines = select(2, text:gsub("\n", "\n"))
    assert(lines >= 1 and lines <= 11, text)
  end)
end)
