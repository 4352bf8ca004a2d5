-- concur.excepthook.
local concur = require "concur"
local h = require "spec.support.helpers"

describe("the default excepthook", function()
  it("writes name, error and traceback to stderr", function()
    local r = h.run [[
      local concur = require "concur"
      local function culprit() error "boom" end
      local t = concur.thread { target = function() culprit() end, name = "unlucky" }
      print(t:start():join(10))
    ]]
    assert.equal(0, r.code, r.text)
    assert.matches("unlucky", r.err)
    assert.matches(":2: boom\n", r.err)
    assert.matches("stack traceback:\n", r.err)
    assert.matches("culprit", r.err)
    assert.matches("\n$", r.err)
    assert.matches("^false\t.*:2: boom\n$", r.out)
  end)

  it("writes errors that are no strings", function()
    local r = h.run [[
      local concur = require "concur"
      local function fails(e) concur.thread { target = error, args = { e, 0 }, name = "N" }:start():join(10) end
      fails(setmetatable({}, { __tostring = function() return "speaking" end }))
      fails({})
      fails(nil)
      fails(false)
      fails(42)
    ]]
    assert.equal(0, r.code, r.text)
    assert.matches("speaking", r.err)
    assert.matches("table: 0x", r.err)
    assert.matches("nil", r.err)
    assert.matches("false", r.err)
    assert.matches("42", r.err)
    assert.equal(5, select(2, r.err:gsub("thread N", "")), r.text)
  end)

  it("writes a report for an error whose __tostring raises", function()
    local r = h.run [[
      local concur = require "concur"
      local e = setmetatable({}, { __tostring = function() error "no" end })
      concur.thread { target = error, args = { e }, name = "unlucky" }:start():join(10)
    ]]
    assert.equal(0, r.code, r.text)
    assert.matches("unlucky", r.err)
  end)

  it("writes each report in one piece", function()
    local r = h.run [[
      local concur = require "concur"
      local gate = concur.event()
      local function deep(n) if n == 0 then gate:wait(20) error "boom" end return (deep(n - 1)) end
      local list = {}
      for i = 1, 32 do list[i] = concur.thread { target = deep, args = { 8 }, name = "T" .. i }:start() end
      gate:set()
      for _, t in ipairs(list) do t:join(20) end
    ]]
    assert.equal(0, r.code, r.text)
    local shape
    local n = 0
    for name, report in (r.err .. "Exception in thread "):gmatch("thread (T%d+)(.-)Exception in ") do
      n = n + 1
      assert.is_string(name)
      shape = shape or report
      assert.equal(shape, report)
    end
    assert.equal(32, n, r.text)
    assert.equal(8, select(2, shape:gsub("'deep'", "")), shape)
  end)

  it("also reports results that cannot cross", function()
    local r = h.run [[
      local concur = require "concur"
      concur.spawn(function() return coroutine.create(print) end):join(10)
    ]]
    assert.matches("cannot transfer a thread", r.err)
  end)

  it("says nothing when all is well, cancelled or exited", function()
    h.output [[
      local concur = require "concur"
      concur.spawn(function() return 1 end):join(10)
      concur.spawn(function() concur.exit(1) end):join(10)
      local t = concur.spawn(function() concur.sleep(20) end)
      t:cancel()
      t:join(10)
    ]]
  end)

  it("is a function that a hook may call", function()
    local r = h.run [[
      local concur = require "concur"
      local default = concur.excepthook
      print(type(default))
      concur.excepthook = function(...) io.write("mine\n") return default(...) end
      concur.thread { target = error, args = { "boom" }, name = "unlucky" }:start():join(10)
    ]]
    assert.equal("function\nmine\n", r.out, r.text)
    assert.matches("unlucky.*boom", r.err)
  end)
end)

for _, kind in ipairs(h.kinds) do
  local current = h.current[kind]

  local make = concur[kind]
  local function start(...) return make(...):start() end

  describe("a hook for a " .. kind, function()
    local calls

    before_each(function()
      calls = concur.queue()
      local q = calls
      concur.excepthook = function(...) q:put { n = select("#", ...), current = current(), ... } end
    end)

    after_each(function() concur.excepthook = false end)

    it("gets thread, error and traceback, in the failing thread", function()
      local t = start(function() error("boom", 0) end)
      h.join(t)
      local call = calls:get(0) -- called before join returned
      assert.equal(3, call.n)
      assert.equal(t, call[1])
      assert.equal(t, call.current)
      assert.equal("boom", call[2])
      assert.matches("stack traceback:", call[3])
      assert.equal(0, #calls)
    end)

    it("gets any error value", function()
      h.join(start(function() error({ code = 5 }) end))
      assert.equal(5, calls:get(0)[2].code)
      h.join(start(function() error(nil) end))
      local call = calls:get(0)
      assert.equal(3, call.n)
      assert.is_nil(call[2])
      h.join(start(function() error(false) end))
      assert.is_false(calls:get(0)[2])
    end)

    it("is not called without an error", function()
      h.join(start(function() return 1 end))
      h.join(start(function() pcall(error, "x") end))
      h.join(start(function() concur.exit(1) end))
      assert.equal(0, #calls)
    end)

    it("is not called for a cancellation", function()
      local t = start(function() concur.sleep(60) end)
      h.await_status(t, "waiting")
      t:cancel()
      h.join(t)
      local unstarted = make(function() end)
      unstarted:cancel()
      h.join(unstarted)
      assert.equal(0, #calls)
    end)

    it("is inherited by threads of threads", function()
      local inner = h.results(start(function(k) return concur[k](error, "deep", 0):start() end, kind))
      h.join(inner)
      assert.equal("deep", calls:get(0)[2])
    end)

    it("set in a thread holds there and in its threads only", function()
      local other = concur.queue()
      h.join(start(function(k)
        concur.excepthook = function(_, e) other:put(e) end
        concur[k](error, "inner", 0):start():join(20)
        error("outer", 0)
      end, kind))
      assert.equal("inner", other:get(0))
      assert.equal("outer", other:get(0))
      assert.equal(0, #calls)
      h.join(start(error, "main's", 0))
      assert.equal("main's", calls:get(0)[2])
      assert.equal(0, #other)
    end)

    it("false silences, and is inherited", function()
      concur.excepthook = false
      local t = start(function(k)
        concur[k](error, "inner"):start():join(20)
        error "outer"
      end, kind)
      assert.is_false((h.join(t)))
      assert.is_false(concur.excepthook)
      assert.is_false(h.results(start(function() return concur.excepthook end)))
      assert.equal(0, #calls)
    end)

    it("is the one at the start", function()
      local t = make(error, "x", 0)
      concur.excepthook = false
      h.join(t:start())
      assert.equal(0, #calls)
    end)

    it("that raises changes nothing for the joiner", function()
      concur.excepthook = function() error "in the hook" end
      local t = start(function() error("boom", 0) end)
      assert.same({ false, "boom" }, { h.join(t) })
      assert.equal("failed", t:status())
      assert.is_string(t:traceback())
      assert.equal(1, h.results(start(function() return 1 end)))
    end)

    it("that raises for ever ends", function()
      concur.excepthook = function(...) return concur.excepthook(...) + 1 end
      assert.same({ false, "boom" }, { h.join(start(error, "boom", 0)) })
    end)

    it("may call anything of concur", function()
      local e = concur.event()
      concur.excepthook = function()
        concur.sleep(0.001)
        concur.spawn(function() e:set() end):join(20)
      end
      h.join(start(error, "boom", 0))
      assert.is_true(e:is_set())
    end)

    it("that cannot cross raises at the start", function()
      local co = coroutine.create(print)
      concur.excepthook = function() return co end
      local t = make(print)
      h.raises("cannot transfer a thread", function() t:start() end)
      assert.equal("new", t:status())
    end)
  end)
end

describe("a hook that raises", function()
  it("is no silent loss: the error is reported", function()
    local r = h.run [[
      local concur = require "concur"
      concur.excepthook = function() error "broken hook" end
      print(concur.spawn(error, "boom", 0):join(10))
    ]]
    assert.equal(0, r.code, r.text)
    assert.equal("false\tboom\n", r.out)
    assert.matches("boom", r.err)
  end)
end)
