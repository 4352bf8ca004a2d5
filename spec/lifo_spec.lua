-- concur.lifo
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

describe("a lifo", function()
  it("gives the item that was put last", function()
    local q = concur.lifo()
    assert.are.equal("lifo", concur.type(q))
    for i = 1, 1000 do kit.same({ true, n = 1 }, table.pack(q:put(i))) end
    for i = 1000, 501, -1 do kit.same({ i, n = 1 }, table.pack(q:get())) end
    for i = 501, 600 do q:put(i) end
    for i = 600, 1, -1 do assert.are.equal(i, q:get(0)) end
    kit.same({ nil, "empty", n = 2 }, table.pack(q:get_nowait()))
    kit.same({ nil, "empty", n = 2 }, table.pack(q:get(0.001)))
  end)

  it("takes values of every kind and size", function()
    local q, list = concur.lifo(), {}
    for n = 0, 700 do list[#list + 1] = ("x\0"):rep(n // 2) .. ("y"):rep(n % 2) end
    for n = 0, 300 do list[#list + 1] = { n, ("z"):rep(n), { [n] = -0.0 } } end
    for _, v in ipairs { true, false, 0, -0.0, 1 / 0, math.mininteger, 2 ^ 53, ("l"):rep(100000) } do
      list[#list + 1] = v
    end
    for _, v in ipairs(list) do q:put(v) end
    for i = #list, 1, -1 do kit.same(list[i], q:get(0)) end
    q:put(nil)
    q:put(false)
    q:put_nowait(nil)
    kit.same({ n = 1 }, table.pack(q:get()))
    kit.same({ false, n = 1 }, table.pack(q:get(0)))
    kit.same({ n = 1 }, table.pack(q:get_nowait()))
  end)

  it("knows and prints its size", function()
    local q = concur.lifo(3)
    assert.are.equal(3, q:maxsize())
    for n = 0, 3 do
      kit.same({ n, n, n == 0, n == 3 }, { q:qsize(), #q, q:empty(), q:full() })
      assert.is_truthy(tostring(q):find(("^concur%%.lifo: 0x%%x+ %%(%d/3%%)$"):format(n)), tostring(q))
      q:put(n, 0)
    end
    kit.same({ false, "full", n = 2 }, table.pack(q:put(4, 0)))
    kit.same({ false, "full", n = 2 }, table.pack(q:put(4, 0.001)))
    kit.same({ false, "full", n = 2 }, table.pack(q:put_nowait(4)))
    assert.are.equal(2, q:get(0))
    assert.is_truthy(tostring(concur.lifo()):find("^concur%.lifo: 0x%x+ %(0%)$"))
    assert.are.equal(0, concur.lifo():maxsize())
    assert.are.equal(2, concur.lifo(2.0):maxsize())
  end)

  it("closed gives what is left, last first", function()
    local q = concur.lifo()
    q:put_many { 1, 2, 3 }
    q:close()
    assert.is_true(q:closed())
    kit.same({ false, "closed", n = 2 }, table.pack(q:put(4)))
    local list = {}
    for item in q:items() do list[#list + 1] = item end
    kit.same({ 3, 2, 1 }, list)
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get()))
  end)

  it("discarded or dropped gives all back", function()
    local before = kit.live()
    local memory = concur.info().shared_memory
    for i = 1, 2 do
      local q = concur.lifo()
      for k = 1, 1000 do q:put { k, concur.event(), ("x"):rep(k) } end
      if i == 1 then q:close(true) end
      if i == 1 then kit.same({ nil, "closed", n = 2 }, table.pack(q:get())) end
    end
    kit.settled(before)
    kit.eventually("the memory is back", function() return concur.info().shared_memory <= memory + 4096 end)
  end)
end)

kit.each_kind(function(kind)
  describe("a lifo between threads", function()
    it("is the same one", function()
      local q = concur.lifo()
      q:put("below")
      local id, there = kit.join(kind.spawn(function(other)
        other:put("above")
        return other:id(), other == q and concur.type(other)
      end, q))
      kit.same({ q:id(), "lifo" }, { id, there })
      kit.same({ "above", "below", n = 2 }, q:get_many(5))
    end)

    it("serves getters and putters in order of arrival", function()
      local q, list = concur.lifo(), {}
      for i = 1, 10 do
        list[i] = kind.spawn(function() return q:get() end)
        kit.until_waiting(list[i])
      end
      for i = 1, 10 do q:put(i) end
      for i = 1, 10 do assert.are.equal(i, kit.join(list[i])) end

      q = concur.lifo(1)
      q:put(0)
      for i = 1, 10 do
        list[i] = kind.spawn(function() return q:put(i) end)
        kit.until_waiting(list[i])
      end
      for i = 0, 10 do assert.are.equal(i, q:get(T)) end
      for i = 1, 10 do assert.is_true(kit.join(list[i])) end
    end)

    it("each item arrives once, though many put and get and give up", function()
      for _, maxsize in ipairs { 0, 1, 5 } do
        local q = concur.lifo(maxsize)
        local putters, getters = {}, {}
        for p = 1, 4 do
          putters[p] = kind.spawn(function()
            math.randomseed(p)
            local count = 0
            for i = 1, 1500 do
              local n = p * 10000 + i
              local item = i % 3 == 0 and { n, ("x"):rep(i % 400) } or n
              if q:put(item, math.random(0, 2) * 0.00005) then count = count + 1 end
            end
            return count
          end)
          getters[p] = kind.spawn(function()
            math.randomseed(100 + p)
            local got = {}
            while true do
              local item, reason = q:get(math.random(0, 3) * 0.00004)
              if item ~= nil then
                got[#got + 1] = type(item) == "table" and item[1] or item
              elseif reason == "closed" then
                return got
              end
            end
          end)
        end
        local count, seen = 0, {}
        for _, t in ipairs(putters) do count = count + kit.join(t) end
        q:close()
        for _, t in ipairs(getters) do
          for _, n in ipairs(kit.join(t)) do
            assert.is_nil(seen[n])
            seen[n], count = true, count - 1
          end
        end
        assert.are.equal(0, count)
      end
    end)
  end)
end)
