-- Handles: one object, whoever holds it, wherever the handle travels.
local concur = require "concur"
local kit = require "spec.support.kit"

local makers = {
  lock = function() return concur.lock() end,
  event = function() return concur.event() end,
  queue = function() return concur.queue() end,
  value = function() return concur.value(1) end,
  thread = function() return concur.thread(print) end,
}

local function elsewhere(fn, ...) return kit.join(concur.spawn(fn, ...)) end

local function through_queue(v)
  local q = concur.queue()
  q:put(v)
  return q:get(kit.TIMEOUT)
end

for kind, make in pairs(makers) do
  describe("a handle of a " .. kind, function()
    it("knows its type", function()
      assert.are.equal(kind, concur.type(make()))
      assert.are.equal("userdata", type(make()))
      assert.are.equal("concur." .. kind, getmetatable(make()).__name)
    end)

    it("prints its type and address, the same in every state", function()
      local x = make()
      local text = tostring(x)
      assert.is_truthy(text:find("^concur%." .. kind .. ": 0x%x+"), text)
      local address = text:match("0x%x+")
      assert.are.equal(address, elsewhere(function() return (tostring(x):match("0x%x+")) end))
      assert.are_not.equal(address, tostring(make()):match("0x%x+"))
    end)

    it("has an id, unique and the same in every state", function()
      local x, y = make(), make()
      assert.are.equal("integer", math.type(x:id()))
      assert.are.equal(x:id(), x:id())
      assert.are_not.equal(x:id(), y:id())
      assert.are.equal(x:id(), elsewhere(function(h) return h:id() end, x))
      assert.are.equal(x:id(), through_queue(x):id())
    end)

    it("is equal to every handle of the object, and to nothing else", function()
      local x, y = make(), make()
      local copy = through_queue(x)
      assert.is_true(x == copy and copy == x)
      assert.is_false(x ~= copy)
      assert.is_false(x == y)
      for _, other in ipairs { 1, "x", io.stdout, {}, print } do assert.is_false(x == other) end
      for _, other in pairs(makers) do assert.is_false(x == other()) end
    end)

    it("is a key by its id", function()
      local x = make()
      local names = { [x:id()] = "mine" }
      assert.are.equal("mine", names[through_queue(x):id()])
      assert.are.equal("mine", elsewhere(function(h, t) return t[h:id()] end, x, names))
    end)

    it("crosses by every way", function()
      local x = make()
      for _, way in ipairs(kit.ways) do
        local got = way[2](x)
        assert.is_true(got == x)
        assert.are.equal(kind, concur.type(got))
        assert.is_true(way[2] { 1, { x } }[2][1] == x)
      end
    end)

    it("is shared and cyclic within a message", function()
      local x = make()
      local t = { x, x, key = { [x] = "as key" } }
      t.t = t
      local got = through_queue(t)
      assert.is_true(got[1] == x and got[2] == x and rawequal(got[1], got[2]))
      local k, v = next(got.key)
      assert.is_true(rawequal(k, got[1]))
      assert.are.equal("as key", v)
      assert.is_true(got.t == got)
    end)

    it("refuses unknown fields and methods called without it", function()
      local x = make()
      assert.is_false((pcall(function() return x:no_such_method() end)))
      if kind ~= "thread" then assert.is_false((pcall(function() x.field = 1 end))) end
      for _, wrong in ipairs { 1, "s", {}, io.stdout, true, print } do
        local ok, err = pcall(function() return (x.id(wrong)) end)
        assert.is_false(ok)
        assert.is_truthy(tostring(err):find("bad argument #1 to 'id'", 1, true), err)
      end
    end)

    it("cannot be collected twice or used after its end", function()
      local x = make()
      local gc = getmetatable(x).__gc
      gc(x)
      gc(x)
      for _, method in ipairs { "id", "set", "get", "acquire", "join" } do
        local call = make()[method]
        if call then
          local ok, err = pcall(call, x)
          assert.is_false(ok)
          assert.is_truthy(tostring(err):find("closed", 1, true), err)
        end
      end
      assert.is_string(tostring(x))
      assert.is_false(x == make())
      assert.is_false((pcall(through_queue, x)))
      assert.is_false((pcall(through_queue, { x })))
    end)

    it("goes with its last reference, wherever that is", function()
      local before = kit.live()
      make()
      kit.settled(before)
      do -- dropped elsewhere
        local q = concur.queue()
        q:put(make())
        elsewhere(function()
          for _ = 1, 1 do q:get(5) end
          collectgarbage()
        end)
      end
      kit.settled(before)
      do -- in a message that nobody takes
        local q = concur.queue()
        q:put { make(), { make() } }
        q:put(make())
      end
      kit.settled(before)
      -- dropped by a state that ends without collecting
      elsewhere(function(h) _G.kept = { h, make() } end, make())
      kit.settled(before)
      -- dropped by an error
      concur.spawn(function(h) error { h } end, make()):join(kit.TIMEOUT)
      kit.settled(before)
    end)

    it("lives while somebody holds it", function()
      local q = concur.queue()
      local id
      do
        local x = make()
        id = x:id()
        q:put(x)
      end
      collectgarbage()
      collectgarbage()
      elsewhere(function() q:put((q:get(5))) end)
      local x = q:get(5)
      assert.are.equal(id, x:id())
      assert.are.equal(kind, concur.type(x))
    end)
  end)
end

describe("concur.type", function()
  it("is nil for what is no handle", function()
    for _, v in ipairs { 1, "queue", {}, print, io.stdout, true, coroutine.create(print), setmetatable({}, {}) } do
      assert.are.equal(1, select("#", concur.type(v)))
      assert.is_nil(concur.type(v))
    end
    assert.is_nil(concur.type(nil))
    kit.raises("bad argument #1 to 'type' (value expected)", function() concur.type() end)
  end)
end)

describe("methods", function()
  it("of one type refuse handles of another", function()
    for name, make in pairs(makers) do
      for other, make_other in pairs(makers) do
        if name ~= other then
          local x, y = make(), make_other()
          for _, method in ipairs { "acquire", "wait", "put", "add", "join" } do
            if x[method] then
              local call = load(("local x, y = ...; return function() x.%s(y) end"):format(method), "@call")(x, y)
              local message = "bad argument #1 to '%s' (concur.%s expected, got concur.%s)"
              kit.raises(message:format(method, name, other), call)
            end
          end
        end
      end
    end
  end)
end)

describe("handles within their own objects", function()
  it("a queue inside itself", function()
    local q = concur.queue()
    q:put(q)
    q:put { q, { q } }
    assert.is_true(q:get(0) == q)
    local got = q:get(0)
    assert.is_true(got[1] == q and got[2][1] == q)
    got[2][1]:put("through itself")
    assert.are.equal("through itself", q:get(0))
  end)

  it("a value inside itself", function()
    local v = concur.value()
    v:set(v)
    assert.is_true(v:get() == v)
    v:set { v }
    assert.is_true(v:get()[1] == v)
    v:set(nil)
  end)

  it("queues in queues, ten deep", function()
    local inner = concur.queue()
    inner:put("bottom")
    local q = inner
    for _ = 1, 10 do
      local outer = concur.queue()
      outer:put(q)
      q = outer
    end
    assert.are.equal("bottom", elsewhere(function()
      local x = q
      while concur.type(x) == "queue" do x = x:get(5) end
      return x
    end))
  end)

  it("many different handles in one message", function()
    local before = kit.live()
    do
      local list = {}
      for i = 1, 5000 do list[i] = concur.value(i) end
      local got = elsewhere(function(t) return t end, list)
      for i = 1, 5000 do
        if got[i] ~= list[i] or got[i]:get() ~= i then error("wrong at " .. i) end
      end
    end
    kit.settled(before)
  end)
end)

describe("<close>", function()
  it("an error inside the block collects as ever", function()
    local before = kit.live()
    for _ = 1, 10 do
      local ok, err = pcall(function()
        local lock = concur.lock()
        local held <close> = lock:acquire()
        assert.is_true(held:locked())
        error { lock = lock }
      end)
      assert.is_false(ok)
      assert.is_false(err.lock:locked())
    end
    kit.settled(before)
  end)
end)
