-- update of values and dicts; dicts among threads and under strain
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

-- The same for a value and for a key of a dict: get, set, update.
local holders = {
  value = function(v)
    local value = concur.value(v)
    return {
      get = function() return value:get() end,
      set = function(x) value:set(x) end,
      update = function(fn, ...) return value:update(fn, ...) end,
    }
  end,
  dict = function(v)
    local dict = concur.dict { key = v }
    return {
      get = function() return dict.key end,
      set = function(x) dict.key = x end,
      update = function(fn, ...) return dict:update("key", fn, ...) end,
    }
  end,
}

for name, make in pairs(holders) do
  describe("update of a " .. name, function()
    it("stores the first result and returns all", function()
      local x = make(5)
      assert.are.same({ 8, "more", nil, 7, n = 4 }, table.pack(x.update(function(old, a)
        return old + a, "more", nil, 7
      end, 3)))
      assert.are.equal(8, x.get())
      assert.are.same({ nil, n = 1 }, table.pack(x.update(function() end)))
      assert.is_nil(x.get())
      x.update(function(old)
        assert(old == nil)
        return { 1, { ("x"):rep(1000) } }
      end)
      assert.are.equal(1000, #x.get()[2][1])
    end)

    it("an error leaves the old content, and lets others go on", function()
      local x = make("old")
      local ok, err = pcall(x.update, function() error({ "mine" }) end)
      assert.are.same({ false, { "mine" } }, { ok, err })
      assert.is_false((pcall(x.update, function() return coroutine.create(print) end)))
      local message = select(2, coroutine.resume(coroutine.create(function()
        x.update(function() coroutine.yield() end)
      end)))
      assert.is_truthy(message:find("yield"), message)
      assert.are.equal("old", x.get())
      x.set("new")
      assert.are.equal("new", h.results(concur.spawn(function() return x.update(function(v) return v end) end)))
    end)

    it("may be nested, and use what it updates", function()
      local x = make(1)
      local inner
      x.update(function(old)
        x.set(10)
        inner = x.update(function(v) return v + 1 end)
        return old + 1
      end)
      assert.are.same({ 11, 2 }, { inner, x.get() })
      x.set(3)
      assert.are.equal(3, x.get())
    end)

    it("keeps other changes out, and no reader", function()
      local x, inside, go = make(1), concur.event(), concur.event()
      local t = concur.spawn(function()
        return x.update(function(old)
          inside:set()
          go:wait()
          return old + 1
        end)
      end)
      inside:wait()
      assert.are.equal(1, x.get())
      local setter = concur.spawn(function() x.set(50) end)
      local updater = concur.spawn(function() return x.update(function(old) return old * 2 end) end)
      h.await_status(setter, "waiting")
      h.await_status(updater, "waiting")
      go:set()
      assert.are.equal(2, h.results(t))
      h.results(setter)
      local result = h.results(updater)
      assert(result == 4 or result == 100, result)
    end)

    it("is cancelled without a trace", function()
      local x, inside, never = make("old"), concur.event(), concur.event()
      local t = concur.spawn(function()
        x.update(function()
          inside:set()
          never:wait()
          return "new"
        end)
      end)
      inside:wait()
      local waiting = concur.spawn(function() x.set("never") end)
      h.await_status(waiting, "waiting")
      waiting:cancel()
      assert.are.same({ false, concur.CANCELLED }, { h.join(waiting) })
      t:cancel()
      assert.are.same({ false, concur.CANCELLED }, { h.join(t) })
      assert.are.equal("old", x.get())
      x.set(1)
      assert.are.equal(2, x.update(function(v) return v + 1 end))
    end)

    it("among four threads loses nothing", function()
      local x, threads = make(0), {}
      for i = 1, 4 do
        threads[i] = concur.spawn(function()
          for _ = 1, 500 do x.update(function(n) return n + 1 end) end
        end)
      end
      for _, t in ipairs(threads) do h.results(t) end
      assert.are.equal(2000, x.get())
    end)
  end)
end

describe("a value that is updated", function()
  it("holds back additions without a lock", function()
    local v, threads = concur.value(0), {}
    for i = 1, 4 do
      threads[i] = concur.spawn(function()
        for k = 1, 1000 do
          if k % 10 == 0 then
            v:update(function(n) return n + 1 end)
          elseif k % 11 == 0 then
            local seen
            repeat seen = v:get() until v:compare_swap(seen, seen + 1)
          else
            v:add(1)
          end
        end
      end)
    end
    for _, t in ipairs(threads) do h.results(t) end
    assert.are.equal(4000, v:get())
  end)

  it("changes of every kind wait and then succeed", function()
    local v, inside, go = concur.value(1), concur.event(), concur.event()
    local t = concur.spawn(function()
      v:update(function()
        inside:set()
        go:wait()
        return 10
      end)
    end)
    inside:wait()
    local adder = concur.spawn(function() return v:add(1) end)
    h.await_status(adder, "waiting")
    local swapper = concur.spawn(function() return v:swap(("s"):rep(1000)) end)
    h.await_status(swapper, "waiting")
    local comparer = concur.spawn(function() return v:compare_swap(("s"):rep(1000), 7), pcall(v.add, v, "x") end)
    h.await_status(comparer, "waiting")
    go:set()
    h.results(t)
    assert.are.equal(11, h.results(adder))
    assert.are.equal(11, h.results(swapper))
    assert.is_true((h.results(comparer)))
    assert.are.equal(7, v:get())
  end)
end)

describe("a dict among threads", function()
  it("lets other keys be changed while one is updated", function()
    local d, inside, go = concur.dict(), concur.event(), concur.event()
    local t = concur.spawn(function()
      return d:update("key", function()
        inside:set()
        go:wait()
        return "updated"
      end)
    end)
    inside:wait()
    for i = 1, 500 do d[i] = i end
    for i = 1, 500 do assert(d:update(i, function(v) return v + 1 end) == i + 1) end
    local clearer = concur.spawn(function() d:clear() end)
    h.await_status(clearer, "waiting")
    go:set()
    assert.are.equal("updated", h.results(t))
    h.results(clearer)
    assert.are.equal(0, #d)
  end)

  it("counts words", function()
    local d, threads = concur.dict(), {}
    local text = ("to be or not to be that is the question "):rep(50)
    for i = 1, 4 do
      threads[i] = concur.spawn(function()
        for word in text:gmatch("%a+") do d:update(word, function(n) return (n or 0) + 1 end) end
      end)
    end
    for _, t in ipairs(threads) do h.results(t) end
    assert.are.same({ to = 400, be = 400, ["or"] = 200, ["not"] = 200, that = 200, is = 200, the = 200,
      question = 200 }, d:copy())
  end)

  it("is cleared while keys are updated", function()
    local d, stop = concur.dict(), concur.event()
    local t = concur.spawn(function()
      while not stop:is_set() do d:update("k", function(n) return (n or 0) + 1 end) end
    end)
    for _ = 1, 5000 do d:clear() end
    stop:set()
    h.results(t)
    d:clear()
    assert.are.equal(0, #d)
  end)

  it("shows snapshots of one moment", function()
    local d, stop = concur.dict(), concur.event()
    -- each thread counts its keys up in order, so a is never behind b, nor b behind c
    for i = 1, 2 do
      for _, k in ipairs { "a", "b", "c" } do d[k .. i] = 0 end
    end
    local threads = {}
    for i = 1, 2 do
      threads[i] = concur.spawn(function()
        for n = 1, 2000 do
          for _, k in ipairs { "a", "b", "c" } do d[k .. i] = n end
        end
        stop:set()
      end)
    end
    repeat
      local copy = d:copy()
      for i = 1, 2 do
        local a, b, c = copy["a" .. i], copy["b" .. i], copy["c" .. i]
        assert(a >= b and b >= c and c >= a - 1, ("%d %d %d"):format(a, b, c))
      end
      assert.are.equal(6, #d:keys())
      assert.are.equal(6, #d:values())
    until stop:is_set()
    for _, t in ipairs(threads) do h.results(t) end
  end)

  it("shows no torn value", function()
    local d, stop = concur.dict { k = { 0, ("0"):rep(300) } }, concur.event()
    local writers = {}
    for i = 1, 2 do
      writers[i] = concur.spawn(function()
        local n = i
        while not stop:is_set() do
          n = (n + 2) % 9
          d.k = { n, tostring(n):rep(n % 2 == 0 and 300 or 20) }
        end
      end)
    end
    for _ = 1, 3000 do
      local v = d.k
      assert(v[2]:find("^" .. v[1] .. "+$") and #v[2] >= 20)
    end
    stop:set()
    for _, t in ipairs(writers) do h.results(t) end
  end)

  it("setdefault gives what is there, pop takes each once", function()
    local d, stop = concur.dict(), concur.event()
    local t = concur.spawn(function()
      while not stop:is_set() do d.k = nil end
    end)
    for i = 1, 3000 do assert(d:setdefault("k", i) ~= nil) end
    stop:set()
    h.results(t)
    for i = 1, 1000 do d[i] = i end
    local threads, sum = {}, 0
    for i = 1, 4 do
      threads[i] = concur.spawn(function()
        local mine = 0
        for k = 1, 1000 do mine = mine + d:pop(k, 0) end
        return mine
      end)
    end
    for _, thread in ipairs(threads) do sum = sum + h.results(thread) end
    assert.are.equal(500500, sum)
  end)
end)

describe("a dict under strain", function()
  it("takes 200,000 keys and gives the memory back", function()
    collectgarbage()
    local d, before, n = concur.dict(), concur.info().shared_memory, 200000
    for i = 1, n do d["key" .. i] = i end
    assert.are.equal(n, #d)
    local sum = 0
    for _, v in pairs(d) do sum = sum + v end
    assert.are.equal(n * (n + 1) // 2, sum)
    for i = 1, n do assert(d["key" .. i] == i) end
    for i = 1, n do d["key" .. i] = nil end
    assert.are.equal(0, #d)
    assert(concur.info().shared_memory < before + 50000)
    for i = 1, 1000 do d[i] = ("v"):rep(i) end
    d:clear()
    assert(concur.info().shared_memory < before + 50000)
  end)

  it("agrees with a table", function()
    local d, model, random = concur.dict(), {}, 31
    local function pick(n)
      random = (random * 1103515245 + 12345) & 0x7fffffff
      return (random >> 8) % n + 1
    end
    local function key()
      local k = pick(300)
      if k % 5 == 0 then return ("long"):rep(100) .. k end
      if k % 5 == 1 then return k / 2 end
      if k % 50 == 2 then return k % 4 == 0 end
      return k % 2 == 0 and k or "key" .. k
    end
    for step = 1, 20000 do
      local k, what = key(), pick(6)
      if what <= 2 then
        local v = pick(4) == 1 and ("s"):rep(pick(500)) or step
        d[k], model[k] = v, v
      elseif what == 3 then
        d[k], model[k] = nil, nil
      elseif what == 4 then
        assert.are.equal(model[k], d:pop(k))
        model[k] = nil
      elseif what == 5 then
        model[k] = model[k] or step
        assert.are.equal(model[k], d:setdefault(k, step))
      else
        assert.are.equal(model[k], d:get(k))
        assert.are.equal(model[k] ~= nil, d:has(k))
      end
      if step % 2000 == 0 then assert.are.same(model, d:copy()) end
    end
    local n = 0
    for _ in pairs(model) do n = n + 1 end
    assert.are.equal(n, #d)
  end)

  it("survives that memory ends", function()
    if h.sanitized then return end
    local out = h.output([[
      local concur = require "concur"
      local d, l, n = concur.dict(), concur.list(), 0
      local s = ("x"):rep(200)
      while pcall(function() d[n + 1] = s end) do n = n + 1 end
      assert(#d == n and d[n] == s and d[n + 1] == nil)
      assert(not pcall(function() d[1] = ("y"):rep(100000) end) and d[1] == s)
      local many = {}
      for i = 1, 5000 do many[i] = s end
      assert(not pcall(l.extend, l, many) and #l == 0)
      assert(not pcall(concur.array, "f64", 10000000))
      d:clear()
      local m = 0
      while pcall(l.append, l, s) do m = m + 1 end
      assert(#l == m and l[m] == s)
      l:clear()
      d.a, l[1] = s, s
      assert(d.a == l[1])
      print "whole"
    ]], { shell = "ulimit -v 150000", timeout = 60 })
    assert.are.equal("whole\n", out)
  end)

  it("leaves nothing behind", function()
    local before = kit.live()
    for i = 1, 100 do
      local d = concur.dict { inner = concur.dict { list = concur.list { i } }, event = concur.event() }
      pcall(function() d[{}] = concur.lock() end)
      pcall(d.merge, d, { a = concur.lock(), b = coroutine.create(print) })
      pcall(d.update, d, "x", function() return concur.queue(), error "no" end)
      d.inner.list[1] = concur.semaphore(1)
    end
    kit.settled(before)
  end)
end)
