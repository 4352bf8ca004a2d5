-- concur.list
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

describe("a list", function()
  it("is read and written as a table", function()
    local l = concur.list { 1, "two", { 3 } }
    assert.are.same({ "list", 3, 1, "two", 3 }, { concur.type(l), #l, l[1], l[2], l[3][1] })
    l[4], l[1] = false, ("x"):rep(5000)
    assert.are.same({ ("x"):rep(5000), "two", { 3 }, false }, l:copy())
    assert.is_nil(l[0] or l[5] or l[-1] or l[1.5] or l[true] or l.nothing)
    l[3][1] = 7
    assert.are.equal(3, l[3][1])
    assert.is_truthy(tostring(l):find("^concur.list: .*%(4%)$"))
    local got = {}
    for i, v in ipairs(l) do got[i] = v end
    assert.are.same(l:copy(), got)
    got = {}
    for i, v in pairs(l) do got[i] = v end
    assert.are.same(l:copy(), got)
    assert.are.equal(0, #concur.list())
    assert.are.equal(2.0, concur.list({ 2.0 })[1.0])
  end)

  it("raises for what cannot be, and is unchanged", function()
    local l = concur.list { 1, 2 }
    local co = coroutine.create(print)
    h.raises("position out of range", function() l[4] = 1 end)
    h.raises("position out of range", function() l[0] = 1 end)
    h.raises("position out of range", function() l[-1] = 1 end)
    h.raises("cannot hold nil", function() l[1] = nil end)
    h.raises("cannot hold nil", function() l[3] = nil end)
    h.raises("cannot hold nil", function() l:append() end)
    h.raises("cannot hold nil", function() l:insert(1) end)
    h.raises("cannot be a position", function() l.x = 1 end)
    h.raises("integer", function() l[1.5] = 1 end)
    h.raises("cannot transfer a thread", function() l[1] = co end)
    h.raises("cannot transfer a thread", function() l:append(co) end)
    h.raises("cannot transfer a thread", function() l:extend { 3, co } end)
    h.raises("cannot transfer a thread", function() concur.list { co } end)
    h.raises("out of range", function() l:insert(4, 1) end)
    h.raises("out of range", function() l:insert(0, 1) end)
    h.raises("out of range", function() l:pop(3) end)
    h.raises("out of range", function() l:pop(0) end)
    h.raises("table expected", function() l:extend(1) end)
    h.raises("table expected", function() concur.list(1) end)
    h.raises("handle expected", function() l:index({}) end)
    assert.are.same({ 1, 2 }, l:copy())
    assert.is_nil(concur.list():pop())
  end)

  it("agrees with a table", function()
    local l, model, random = concur.list(), {}, 4711
    local function pick(n)
      random = (random * 1103515245 + 12345) & 0x7fffffff
      return (random >> 8) % n + 1
    end
    for step = 1, 6000 do
      local what, n = pick(step < 3000 and 9 or 12), #model
      local v = pick(3) == 1 and ("s"):rep(pick(400)) .. step or step
      if what <= 3 then
        l:append(v)
        model[n + 1] = v
      elseif what <= 5 then
        local i = pick(n + 1)
        l:insert(i, v)
        table.insert(model, i, v)
      elseif what == 6 then
        local i = pick(n + 1)
        l[i] = v
        model[i] = v
      elseif what == 7 then
        l:extend { v, step, "x" }
        table.move({ v, step, "x" }, 1, 3, n + 1, model)
      elseif what == 8 and n > 0 then
        local i = pick(n)
        assert.are.equal(model[i], l[i])
        assert.are.equal(model[i], model[l:index(model[i])])
      elseif n > 0 then
        local i = pick(3) == 1 and 1 or pick(n)
        if pick(2) == 1 then i = n end
        assert.are.equal(table.remove(model, i), l:pop(i))
      end
      assert.are.equal(#model, #l)
    end
    assert.are.same(model, l:copy())
    while #model > 0 do assert.are.equal(table.remove(model, 1), l:pop(1)) end
    assert.are.equal(0, #l)
  end)

  it("sorts", function()
    local l = concur.list { 3, 1, 2 }
    l:sort()
    assert.are.same({ 1, 2, 3 }, l:copy())
    l:sort(function(a, b) return a > b end)
    assert.are.same({ 3, 2, 1 }, l:copy())
    l:append("x")
    assert.is_false((pcall(l.sort, l)))
    local ok, err = pcall(l.sort, l, function() error({ "mine" }) end)
    assert.are.same({ false, { "mine" } }, { ok, err })
    assert.are.same({ 3, 2, 1, "x" }, l:copy())
    h.raises("function expected", function() l:sort(1) end)
    l:clear()
    l:sort()
    assert.are.equal(0, #l)
  end)

  it("finds values that are equal", function()
    local lock = concur.lock()
    local l = concur.list { 1, "a", lock, ("z"):rep(1000), true, 2.5, { 1 } }
    assert.are.same({ 1, 2, 3, 4, 5, 6 }, { l:index(1.0), l:index("a"), l:index(lock), l:index(("z"):rep(1000)),
      l:index(true), l:index(2.5) })
    assert.is_nil(l:index("b") or l:index(concur.lock()) or l:index(false) or l:index(nil))
  end)

  it("takes another list, and holds handles", function()
    local inner = concur.list { 1 }
    local l = concur.list { inner }
    l[1]:append(2)
    assert.are.same({ 1, 2 }, inner:copy())
    assert.are.equal(inner, l[1])
    l:extend(inner)
    l:extend(l)
    assert.are.equal(6, #l)
    l:append(l)
    assert.are.equal(l, l[7])
    l:clear()
  end)

  it("is changed by four threads", function()
    local l, threads = concur.list(), {}
    for i = 1, 4 do
      threads[i] = concur.spawn(function()
        for k = 1, 500 do
          l:append { i, k }
          if k % 5 == 0 then l:pop(1) end
          if k % 50 == 0 then l:extend { { i, 0 }, { i, 0 } } end
          if k % 100 == 0 then assert(#l:copy() > 0) end
        end
      end)
    end
    for _, t in ipairs(threads) do h.results(t) end
    assert.are.equal(4 * (500 - 100 + 20), #l)
    for _, v in ipairs(l) do assert(#v == 2) end
  end)

  it("shows an extension wholly or not at all", function()
    local l, stop = concur.list(), concur.event()
    local writer = concur.spawn(function()
      for _ = 1, 300 do
        l:extend { 1, 2, 3 }
        for _ = 1, 3 do l:pop() end
        l:clear()
      end
      stop:set()
    end)
    while not stop:is_set() do
      local copy = l:copy()
      for i, v in ipairs(copy) do assert.are.equal(i, v) end
    end
    h.results(writer)
  end)

  it("changes wait while it is sorted, reads do not", function()
    local l, inside, go = concur.list { 2, 1 }, concur.event(), concur.event()
    local sorter = concur.spawn(function()
      l:sort(function(a, b)
        inside:set()
        go:wait()
        return a < b
      end)
    end)
    inside:wait()
    assert.are.same({ 2, 1, 2 }, { l[1], l[2], #l })
    local changes = {
      concur.spawn(function() l:append(3) end), concur.spawn(function() l[1] = 5 end),
      concur.spawn(function() return pcall(function() l[9] = 1 end) end),
    }
    for _, t in ipairs(changes) do h.await_status(t, "waiting") end
    assert.are.same({ 2, 1 }, l:copy())
    go:set()
    h.results(sorter)
    for i = 1, 2 do h.results(changes[i]) end
    local _, ok, err = h.join(changes[3])
    assert.is_false(ok)
    assert.is_truthy(err:find("^spec/list_spec.lua:%d+: position out of range"), err)
    assert.are.same({ 5, 2, 3 }, l:copy())
  end)

  it("gives its memory back", function()
    local before = concur.info().shared_memory
    local l = concur.list()
    for i = 1, 100000 do l:append(i % 3 == 0 and "a string" or i) end
    for _ = 1, 100000 do l:pop(#l % 2 == 0 and 1 or nil) end
    assert(concur.info().shared_memory < before + 20000)
    for i = 1, 1000 do l:append { i, ("x"):rep(1000) } end
    l:clear()
    assert(concur.info().shared_memory < before + 20000)
  end)

  it("leaves nothing behind", function()
    local before = kit.live()
    for i = 1, 100 do
      local l = concur.list { concur.list { i }, concur.event() }
      pcall(l.append, l, coroutine.create(print))
      pcall(l.extend, l, { concur.lock(), print, coroutine.create(print) })
    end
    kit.settled(before)
  end)
end)
