-- The codec: large random graphs, and all kinds of messages in all directions.
local concur = require "concur"
local kit = require "spec.support.kit"
local point = require "modules.point"

local SEED = tonumber(os.getenv("STRESS_SEED")) or os.time()

-- {== random values

local scalars = {
  true, false, 0, 1, -1, 127, 128, -129, 65536, math.maxinteger, math.mininteger, 0.0, -0.0, 0.5, 1e300, -5e-324,
  math.huge, "", "a", "a\0b", ("x"):rep(63), ("x"):rep(64), ("x"):rep(300), ("long"):rep(500),
}

local keys = { "a", "b", "c", "key", 1, 2, 3, 4, 5, 6, 7, 100, -1, 1.5, true, false, "", ("long key"):rep(20) }

local function graph(size, with)
  local nodes = {}
  for i = 1, size do
    local what = math.random(12)
    if what == 1 and with.metatables then nodes[i] = setmetatable({}, { __name = "node" .. i })
    elseif what == 2 and with.modules then nodes[i] = point.new(i, -i)
    else nodes[i] = {} end
  end
  for _ = 1, size * 4 do
    local node = nodes[math.random(size)]
    local value = math.random(2) == 1 and nodes[math.random(size)] or scalars[math.random(#scalars)]
    if math.random(3) == 1 then
      node[#node + 1] = value
    else
      rawset(node, keys[math.random(#keys)], value)
    end
  end
  if math.random(4) == 1 then -- a long chain through it
    local last = nodes[1]
    for _ = 1, 400 do
      local new = { last, up = nodes[math.random(size)] }
      last = new
    end
    nodes[#nodes + 1] = last
  end
  return nodes
end

-- ==}

describe("transfer", function()
  it("of thousands of random graphs, by every way", function()
    math.randomseed(SEED)
    for round = 1, 1500 do
      local g = graph(math.random(60), { metatables = true, modules = true })
      local way = kit.ways[round % #kit.ways + 1]
      local difference = kit.difference(g, way[2](g))
      if difference then error(("seed %d, round %d, %s: %s"):format(SEED, round, way[1], difference)) end
    end
  end)

  it("of random plain graphs through pack", function()
    math.randomseed(SEED)
    for round = 1, 3000 do
      local g = graph(math.random(40), {})
      local difference = kit.difference(g, (concur.unpack(concur.pack(g))))
      if difference then error(("seed %d, round %d: %s"):format(SEED, round, difference)) end
    end
  end)

  it("of messages round a ring of threads, handles and functions in them", function()
    local before = kit.live()
    do
      local n, list, ring = 6, {}, {}
      for i = 1, n do ring[i] = concur.queue() end
      for i = 1, n do
        list[i] = concur.spawn(function()
          for item in ring[i]:items() do
            item.hops = item.hops + 1
            item.count()
            if item.hops == 100 then
              item.home:put(item)
            else
              item.path[#item.path + 1] = ring[i]
              ring[i % n + 1]:put(item)
            end
          end
        end)
      end
      local home = concur.queue()
      for k = 1, 200 do
        local counter = 0
        local item = { hops = 0, path = {}, home = home, p = point.new(k, k), text = ("t"):rep(k) }
        item.me = item
        function item.count() counter = counter + 1 end
        function item.counter() return counter end
        ring[k % n + 1]:put(item)
      end
      for _ = 1, 200 do
        local item = home:get(20)
        assert.are.equal(100, item.hops)
        assert.are.equal(100, item.counter())
        assert.is_true(item.me == item and item.home == home and getmetatable(item.p) == point)
        assert.are.equal(item.p.x, #item.text)
        for h, q in ipairs(item.path) do
          local i = (item.p.x + h - 1) % n + 1
          if q ~= ring[i] then error("a wrong way") end
        end
      end
      for i = 1, n do ring[i]:close() end
      kit.join_all(list)
    end
    kit.settled(before)
  end)

  it("while many threads transfer at once, and some are refused", function()
    local before = kit.live()
    local memory = concur.info().shared_memory
    local list = {}
    for i = 1, 8 do
      list[i] = concur.spawn(function(seed)
        math.randomseed(seed, i)
        local q = concur.queue()
        local co = coroutine.create(print)
        local there = require "modules.point"
        for k = 1, 3000 do
          local t = { k, ("x"):rep(math.random(0, 3000)), q, there.new(k, k), { function() return k end } }
          if k % 7 == 0 then
            t[6] = { co }
            assert(not pcall(q.put, q, t))
          else
            q:put(t)
            local got = q:get(0)
            assert(got[1] == k and got[2] == t[2] and got[3] == q and got[4] == t[4] and got[5][1]() == k)
            assert(getmetatable(got[4]) == there)
          end
          assert(q:empty())
        end
      end, SEED)
    end
    kit.join_all(list)
    list = nil
    kit.settled(before)
    assert.is_true(concur.info().shared_memory <= memory + 65536 and list == nil, "seed " .. SEED)
  end)

  it("of strings of many megabytes, both ways at once", function()
    local there, back = concur.queue(1), concur.queue(1)
    local t = concur.spawn(function()
      for s in there:items() do back:put(s .. "!") end
    end)
    for i = 1, 40 do
      local s = ("0123456789abcdef"):rep((1 << 16) * (i % 8 + 1)) .. i
      there:put(s)
      assert.is_true(back:get(20) == s .. "!")
    end
    there:close()
    kit.join(t)
  end)
end)
