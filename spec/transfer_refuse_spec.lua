-- What cannot cross is refused, with its place, before anything is sent.
local concur = require "concur"
local kit = require "spec.support.kit"

local co = coroutine.create(print)

describe("a refusal", function()
  local q
  before_each(function() q = concur.queue() end)

  local function refused(path, value)
    kit.raises(("cannot transfer a thread (at %s)"):format(path), function() q:put(value) end)
    assert.are.equal(0, q:qsize())
  end

  it("names the place", function()
    refused(".config.handler", { config = { handler = co } })
    refused(".handler", { handler = co })
    refused("[1]", { co })
    refused("[3]", { 1, 2, co })
    refused("[3].x[2]", { 1, 2, { x = { "a", co } } })
    refused(".a.b.c.d.e.f", { a = { b = { c = { d = { e = { f = co } } } } } })
    refused("[10]", { [10] = co })
    refused("[-1]", { [-1] = co })
    refused("[2.5]", { [2.5] = co })
    refused("[true]", { [true] = co })
  end)

  it("names keys that are no identifiers", function()
    refused('["with space"]', { ["with space"] = co })
    refused('[""]', { [""] = co })
    refused('["1st"]', { ["1st"] = co })
    refused('["a.b"].c', { ["a.b"] = { c = co } })
    local err = kit.error_of(function() q:put { ["a\0b\n\"q\""] = co } end)
    assert.is_truthy(err:find("cannot transfer a thread (at [", 1, true))
    assert.is_nil(err:find("[\0\n]"))
  end)

  it("of the value itself, a key, an upvalue, a metatable", function()
    kit.raises("cannot transfer a thread (at …", function() q:put(co) end)
    kit.raises("cannot transfer a thread (at .t…", function() q:put { t = { [co] = 1 } } end)
    kit.raises("cannot transfer a thread (at .t…", function() q:put { t = { [{ co }] = 1 } } end)
    local err = kit.error_of(function() q:put { f = function() return co end } end)
    assert.is_truthy(err:find("cannot transfer a thread (at .f", 1, true), err)
    assert.is_truthy(err:find("'co')", 1, true), err)
    kit.raises("cannot transfer a thread (at .x…", function() q:put { x = setmetatable({}, { __index = co }) } end)
    kit.raises("cannot transfer a thread (at …", function() q:put(setmetatable({}, { co })) end)
    assert.are.equal(0, q:qsize())
  end)

  it("300 levels deep", function()
    for _, depth in ipairs { 50, 99, 100, 101, 102, 190, 191, 300, 3000 } do
      local t = { handler = co }
      for _ = 1, depth do t = { x = t } end
      local err = kit.error_of(function() q:put(t) end)
      assert.is_truthy(err:find("cannot transfer a thread (at .x.x.x", 1, true), err)
      assert.are.equal(".handler)", err:sub(-9))
      if depth <= 50 then
        assert.is_truthy(err:find("(at " .. (".x"):rep(depth) .. ".handler)", 1, true), err)
      end
    end
    assert.are.equal(0, q:qsize())
  end)

  it("deep through functions, keys and metatables", function()
    local f = function() return co end
    for _ = 1, 300 do
      local g = f
      f = function() return g end
    end
    kit.raises("cannot transfer a thread (at …", function() q:put(f) end)
    local t = { co }
    for _ = 1, 300 do t = setmetatable({}, t) end
    kit.raises("cannot transfer a thread (at …", function() q:put(t) end)
    t = { co }
    for _ = 1, 300 do t = { [t] = 1 } end
    kit.raises("cannot transfer a thread (at …", function() q:put(t) end)
    assert.are.equal(0, q:qsize())
  end)

  it("of userdata and C functions", function()
    local file <close> = assert(io.open("Makefile"))
    kit.raises("cannot transfer a userdata (at .file)", function() q:put { file = file } end)
    kit.raises("cannot transfer a function (at .f)", function() q:put { f = ("x"):gmatch("x") } end)
    kit.raises("cannot transfer a function (at .f[1])", function() q:put { f = { coroutine.wrap(print) } } end)
    assert.are.equal(0, q:qsize())
  end)

  it("comes however late, and sends nothing", function()
    local before = kit.live()
    local memory = concur.info().shared_memory
    do
      local other, lock = concur.queue(), concur.lock()
      local big = { ("x"):rep(1 << 20), other, lock, {}, concur.event() }
      for i = 1, 20000 do big[#big + 1] = { i, other } end
      big.last = { co }
      for _ = 1, 5 do kit.raises("cannot transfer a thread (at .last[1])", function() q:put(big) end) end
      assert.are.equal(0, q:qsize())
      assert.are.equal(0, other:qsize())
      kit.raises("cannot transfer a thread (at .last[1])", function() q:put_nowait(big) end)
    end
    kit.settled(before)
    assert.is_true(concur.info().shared_memory <= memory + 4096)
  end)

  it("is raised by every call that sends", function()
    local bad = { config = { handler = co } }
    local message = "cannot transfer a thread (at .config.handler)"
    local before = kit.live()
    local cell = concur.value("old")
    kit.raises(message, function() q:put(bad) end)
    kit.raises(message, function() q:put(bad, 1) end)
    kit.raises(message, function() q:put_nowait(bad) end)
    kit.raises(message, function() cell:set(bad) end)
    kit.raises(message, function() cell:swap(bad) end)
    kit.raises(message, function() cell:compare_swap("old", bad) end)
    kit.raises(message, function() return (concur.value(bad)) end)
    assert.are.equal("old", cell:get())
    assert.are.equal(0, q:qsize())
    for _, call in ipairs {
      function() concur.spawn(print, bad) end,
      function() concur.spawn(print, 1, bad, 3) end,
      function() concur.thread(print, bad):start() end,
      function() concur.thread { target = print, args = { bad } }:start() end,
      function() concur.thread { target = print, globals = bad }:start() end,
      function() concur.spawn(function() return bad end) end,
    } do
      local err = kit.error_of(call)
      assert.is_truthy(err:find("cannot transfer a thread %(at .*config%.handler%)$"), err)
    end
    cell = nil
    kit.settled(before)
  end)

  it("of a full or closed queue's item is a refusal", function()
    local full = concur.queue(1)
    full:put(1)
    kit.raises("cannot transfer a thread (at [1])", function() full:put({ co }, 0) end)
    assert.are.equal(1, full:qsize())
  end)

  it("of a result or an error fails the thread, and says why", function()
    local t = concur.spawn(function() return { deep = { coroutine.create(print) } } end)
    local ok, err = t:join(kit.TIMEOUT)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("cannot transfer a thread (at .deep[1])", 1, true), err)
    assert.are.equal("failed", t:status())
    t = concur.spawn(function() error({ co = coroutine.create(print) }) end)
    ok, err = t:join(kit.TIMEOUT)
    assert.is_false(ok)
    assert.is_not_nil(err)
  end)

  it("leaves the state fit for what comes next", function()
    for i = 1, 1000 do
      pcall(function() q:put { i, { co } } end)
      q:put { i, { "fine" } }
      kit.same({ i, { "fine" } }, q:get(0))
    end
  end)

  it("within a coroutine", function()
    local thread = coroutine.wrap(function()
      kit.raises("cannot transfer a thread (at .me)", function() q:put { me = coroutine.running() } end)
      local t = {}
      for _ = 1, 1000 do t = { t } end
      q:put(t)
      return "done"
    end)
    assert.are.equal("done", thread())
    assert.is_table(q:get(0))
  end)
end)
