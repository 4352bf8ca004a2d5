-- Who comes first at a queue: order of arrival, of each putter; giving up; many at once
local concur = require "concur"
local h = require "spec.support.helpers"

for _, kind in ipairs { "queue", "lifo", "priority_queue" } do
  describe("the lines at a " .. kind, function()
    it("getters are served in order of arrival", function()
      local q, threads = concur[kind](), {}
      for i = 1, 8 do
        threads[i] = concur.spawn(function() return q:get() end)
        h.await_status(threads[i], "waiting")
      end
      for i = 1, 8 do
        q:put(i)
        assert.are.equal(i, h.results(threads[i]))
      end
    end)

    it("putters are served in order of arrival", function()
      local q, threads = concur[kind](1), {}
      q:put(0)
      for i = 1, 8 do
        threads[i] = concur.spawn(function() return i % 2 == 0 and q:put(i) or q:put_many { i } end)
        h.await_status(threads[i], "waiting")
      end
      for i = 0, 8 do
        assert.are.equal(i, q:get())
        if i < 8 then h.results(threads[i + 1]) end
      end
    end)

    it("who gives up leaves no gap", function()
      local q, threads = concur[kind](), {}
      for i = 1, 6 do
        threads[i] = concur.spawn(function() return q:get() end)
        h.await_status(threads[i], "waiting")
      end
      threads[1]:cancel()
      threads[3]:cancel()
      threads[6]:cancel()
      for _, i in ipairs { 1, 3, 6 } do h.join(threads[i]) end
      for n, i in ipairs { 2, 4, 5 } do
        q:put(n)
        assert.are.equal(n, h.results(threads[i]))
      end
      assert.are.equal(0, #q)
    end)

    it("timeouts and cancellation neither lose nor double an item", function()
      local q, put, got = concur[kind](3), concur.value(0), concur.value(0)
      local threads = {}
      for i = 1, 4 do
        threads[i] = concur.spawn(function()
          for k = 1, 300 do
            if q:put(k, 0.00001 * (k % 5)) then put:add(k) end
          end
        end)
        threads[4 + i] = concur.spawn(function()
          for k = 1, 300 do
            local v = q:get(0.00001 * (k % 7))
            if v then got:add(v) end
          end
        end)
      end
      for _, t in ipairs(threads) do h.results(t) end
      local rest = q:get_many(10, 0)
      for i = 1, rest and rest.n or 0 do got:add(rest[i]) end
      assert.are.equal(put:get(), got:get())
      assert.are.equal(0, #q)
      for round = 1, 100 do
        local s = concur[kind](1)
        if round % 2 == 0 then s:put(1) end
        local t = concur.spawn(function()
          if round % 2 == 0 then return s:put(2) end
          return s:get()
        end)
        if round % 3 == 0 then h.await_status(t, "waiting") end
        local other = concur.spawn(function()
          if round % 2 == 0 then return s:get(0.01) end
          return s:put(2)
        end)
        t:cancel()
        local ok, first = h.join(t)
        local second = h.results(other)
        if round % 2 == 0 then -- one was in there; t's came after it, or not at all
          local inside = (second and 0 or 1) + (ok and 1 or 0)
          assert.are.equal(inside, #s)
        else
          assert.is_true(second)
          assert.are.equal(ok and 0 or 1, #s)
          if ok then assert.are.equal(2, first) end
        end
      end
    end)
  end)
end

describe("eight putters and eight getters", function()
  it("all have their share, and each putter's items keep their order", function()
    local q, n = concur.queue(16), 400
    local putters, getters = {}, {}
    for i = 1, 8 do
      getters[i] = concur.spawn(function()
        local last, count = {}, 0
        for item in q:items() do
          assert(item[2] > (last[item[1]] or 0), "out of order")
          last[item[1]] = item[2]
          count = count + 1
        end
        return count
      end)
    end
    for _, t in ipairs(getters) do h.await_status(t, "waiting") end
    for i = 1, 8 do
      putters[i] = concur.spawn(function() for k = 1, n do q:put { i, k } end end)
    end
    for _, t in ipairs(putters) do h.results(t) end
    q:close()
    local total = 0
    for _, t in ipairs(getters) do
      local count = h.results(t)
      assert(count > 0, "a getter starved")
      total = total + count
    end
    assert.are.equal(8 * n, total)
  end)
end)

describe("a queue under strain", function()
  local function shared() return concur.info().shared_memory end

  it("grows to a million items, and is small again", function()
    for _, kind in ipairs { "queue", "lifo" } do
      local q = concur[kind]()
      local before, list = shared(), {}
      for i = 1, 1000 do list[i] = i end
      for _ = 1, 1000 do q:put_many(list) end
      assert.are.equal(1000000, #q)
      assert(shared() > before + 10000000)
      local sum = 0
      while not q:empty() do
        local got = q:get_many(1000)
        for i = 1, got.n do sum = sum + got[i] end
      end
      assert.are.equal(1000 * 500500, sum)
      assert(shared() < before + 100000, shared() - before)
    end
  end)

  it("passes 100 MB at once, and gives the memory back", function()
    local q, before = concur.queue(), shared()
    local t = concur.spawn(function()
      local s = ("0123456789"):rep(10000000)
      q:put(s)
    end)
    local s = q:get(60)
    assert.are.equal(100000000, #s)
    assert.are.equal("0123456789", s:sub(-10))
    h.results(t)
    assert(shared() < before + 100000)
  end)

  it("wakes a thousand getters", function()
    local q, threads = concur.queue(), {}
    for i = 1, 1000 do threads[i] = concur.spawn(function() return q:get() end) end
    for _, t in ipairs(threads) do h.await_status(t, "waiting") end
    for i = 1, 1000 do q:put(i) end
    local sum = 0
    for _, t in ipairs(threads) do sum = sum + h.results(t) end
    assert.are.equal(500500, sum)
  end)

  it("survives that memory ends", function()
    if h.sanitized then return end
    local out = h.output([[
      local concur = require "concur"
      for _, kind in ipairs { "queue", "lifo", "priority_queue" } do
        local q, n = concur[kind](), 0
        local s = ("x"):rep(100)
        local ok, err
        repeat
          ok, err = pcall(q.put, q, s)
          if ok then n = n + 1 end
        until not ok
        assert(err:find("out of shared memory"), err)
        local ok2, err2 = pcall(q.put_many, q, { s, s, s, ("y"):rep(100000) })
        assert(not ok2 and err2:find("out of shared memory"), err2)
        local got = 0
        while not q:empty() do
          assert(q:get(0):find("^[xy]+$"))
          got = got + 1
        end
        assert(got >= n and got <= n + 3, got .. " of " .. n)
        assert(q:put(s) and q:get() == s)
      end
      print "whole"
    ]], { shell = "ulimit -v 150000", timeout = 60 })
    assert.are.equal("whole\n", out)
  end)
end)
