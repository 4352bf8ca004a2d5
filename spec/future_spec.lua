-- concur.future: bare futures, waiting for several, callbacks.
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

describe("a bare future", function()
  it("is pending until its result is set, once", function()
    local f = concur.future()
    assert.are.equal("future", concur.type(f))
    kit.same({ false, false, false }, { f:done(), f:running(), f:cancelled() })
    kit.same({ nil, "timeout", n = 2 }, table.pack(f:result(0)))
    kit.same({ nil, "timeout", n = 2 }, table.pack(f:wait(0.01)))
    assert.is_nil(f:error())
    f:set_result(1, nil, "x", nil)
    for _ = 1, 2 do
      kit.same({ 1, nil, "x", nil, n = 4 }, table.pack(f:result()))
      kit.same({ true, 1, nil, "x", nil, n = 5 }, table.pack(f:wait(0)))
    end
    kit.same({ true, false, false }, { f:done(), f:running(), f:cancelled() })
    kit.raises("the future has ended already", function() f:set_result(2) end)
    kit.raises("the future has ended already", function() f:set_error(2) end)
    assert.is_false(f:cancel())
    assert.are.equal(1, (f:result()))
  end)

  it("carries results of all kinds and numbers", function()
    for _, list in ipairs {
      { n = 0 }, { nil, n = 1 }, { false, n = 1 }, { 0.5, n = 1 }, { ("x"):rep(239), n = 1 },
      { ("x"):rep(5000), n = 1 },
      { { 1, { 2 } }, n = 1 }, { concur.queue(), n = 1 }, { ("y"):rep(100), ("z"):rep(200), n = 2 }, { {}, n = 1 },
    } do
      local f = concur.future()
      f:set_result(table.unpack(list, 1, list.n))
      kit.same(list, table.pack(f:result()))
      kit.same(list, table.pack(f:result()))
    end
    local f = concur.future()
    f:set_result(f) -- a future of itself is no reason to live for ever
    assert.is_true(f:result() == f)
    kit.raises("cannot transfer a thread (at the value itself)", function()
      concur.future():set_result(coroutine.create(print))
    end)
  end)

  it("raises the error that was set, whatever it is", function()
    for _, value in ipairs { "text", 7, { "table" }, false } do
      local f = concur.future()
      f:set_error(value)
      kit.same(value, kit.error_of(function() f:result() end))
      kit.same({ false, value, n = 2 }, table.pack(f:wait()))
      kit.same(value, f:error())
      assert.is_true(f:done())
    end
    local f = concur.future()
    f:set_error(nil)
    kit.same({ false, nil, n = 2 }, table.pack(f:wait()))
    kit.raises("bad argument #1 to 'set_error' (value expected)", function() concur.future():set_error() end)
  end)

  it("can be cancelled before it ends", function()
    local f = concur.future()
    assert.is_true(f:cancel())
    kit.same({ true, true }, { f:done(), f:cancelled() })
    assert.is_true(kit.error_of(function() f:result() end) == concur.CANCELLED)
    assert.is_true(select(2, f:wait()) == concur.CANCELLED)
    assert.is_true(f:error() == concur.CANCELLED)
    assert.is_false(f:cancel())
    kit.raises("the future has ended already", function() f:set_result(1) end)
  end)

  it("prints its state", function()
    local f = concur.future()
    assert.is_truthy(tostring(f):find("^concur%.future: 0x%x+ %(pending%)$"), tostring(f))
    f:set_result()
    assert.is_truthy(tostring(f):find("%(done%)$"), tostring(f))
  end)

  it("refuses what is none, and bad times", function()
    local f = concur.future()
    kit.raises("bad argument #1 to 'result' (time must not be negative)", function() f:result(-1) end)
    kit.raises("bad argument #1 to 'on_done' (function expected, got nil)", function() f:on_done(nil) end)
    assert.has_error(function() f.result(concur.queue()) end)
  end)

  kit.each_kind(function(kind)
    it("is set elsewhere, and wakes all who wait", function()
      local f, ready = concur.future(), concur.semaphore(0)
      local waiters = {}
      for i = 1, 4 do
        waiters[i] = kind.spawn(function()
          ready:release()
          return f:result(T)
        end)
      end
      for _ = 1, 4 do assert(ready:acquire(T)) end
      local setter = kind.spawn(function() f:set_result("set", { 1 }) end)
      for i = 1, 4 do kit.same({ "set", { 1 }, n = 2 }, table.pack(kit.join(waiters[i]))) end
      kit.join(setter)
      kit.same({ "set", { 1 }, n = 2 }, table.pack(f:result(T)))
    end)

    it("is set once, by whoever is first", function()
      for _ = 1, 20 do
        local f, go, threads = concur.future(), concur.event(), {}
        for i = 1, 3 do
          threads[i] = kind.spawn(function()
            go:wait(T)
            return pcall(f.set_result, f, i)
          end)
        end
        go:set()
        local winners = {}
        for i = 1, 3 do
          if kit.join(threads[i]) then winners[#winners + 1] = i end
        end
        kit.same({ f:result(T) }, winners)
      end
    end)

    it("can be waited for with others", function()
      local f, q = concur.future(), concur.queue()
      kit.same({}, concur.wait({ f, q }, 0))
      local t = kind.spawn(function() f:set_error("x") end)
      local got = concur.wait({ q, f }, T)
      assert.is_true(#got == 1 and got[1] == f)
      t:join(T)
    end)
  end)

  it("whose waiting thread is cancelled raises there", function()
    local f = concur.future()
    local t = concur.spawn(function() f:result() end)
    kit.until_waiting(t)
    t:cancel()
    kit.same({ false, concur.CANCELLED, n = 2 }, table.pack(t:join(T)))
    assert.is_false(f:done())
  end)

  it("that nobody will set is a deadlock", function()
    local f = concur.future()
    local err = kit.error_of(function() f:result() end)
    assert.is_truthy(err:find("^spec/future_spec.lua:%d+: deadlock: .+MainThread waits for concur.future"), err)
  end)

  it("leaves nothing behind", function()
    local first = concur.future():on_done(function() end) -- with it comes what a state keeps for callbacks
    first:cancel()
    first:wait()
    local empty = kit.live()
    for i = 1, 100 do
      local f = concur.future()
      f:on_done(function() end)
      if i % 3 == 0 then f:set_result({ i }) elseif i % 3 == 1 then f:set_error({ f }) else f:cancel() end
      if i % 2 == 0 then f:wait() end
      concur.wait_all { f, f }
    end
    first:wait()
    kit.settled(empty)
  end)
end)

describe("several futures", function()
  local function some(n)
    local list = {}
    for i = 1, n do list[i] = concur.future() end
    return list
  end

  it("come in the order of their ends", function()
    local list, order = some(6), {}
    list[4]:set_result(4)
    list[2]:set_error("two")
    local t = concur.spawn(function()
      for _, i in ipairs { 6, 1, 5, 3 } do list[i]:set_result(i) end
    end)
    kit.join(t)
    for f in concur.as_completed(list, T) do
      for i = 1, 6 do
        if list[i] == f then order[#order + 1] = i end
      end
    end
    kit.same({ 4, 2, 6, 1, 5, 3 }, order)
  end)

  it("come as they end, while others have not", function()
    local list, asked = some(3), concur.queue()
    local t = concur.spawn(function()
      for i = 3, 1, -1 do
        asked:get()
        list[i]:set_result(i)
      end
    end)
    local got = {}
    asked:put(true)
    for f in concur.as_completed(list, T) do
      got[#got + 1] = f:result(0)
      asked:put(true)
    end
    kit.same({ 3, 2, 1 }, got)
    t:join(T)
  end)

  it("end the loop at the timeout", function()
    local list, n = some(3), 0
    list[2]:set_result()
    for _ in concur.as_completed(list, 0.02) do n = n + 1 end
    assert.are.equal(1, n)
    for _ in concur.as_completed({}, 0) do n = n + 1 end
    for _ in concur.as_completed(list, 0) do n = n + 1 end
    assert.are.equal(2, n)
  end)

  it("are given twice if they are listed twice", function()
    local f, n = concur.future(), 0
    f:set_result(1)
    for _ in concur.as_completed { f, f } do n = n + 1 end
    assert.are.equal(2, n)
    kit.same({ 2, 0 }, { #concur.wait_all { f, f }, #select(2, concur.wait_all { f, f }) })
  end)

  it("wait_all and wait_first tell which have ended", function()
    local list = some(4)
    list[3]:set_result()
    local done, not_done = concur.wait_first(list, T)
    kit.same({ 1, 3 }, { #done, #not_done })
    assert.is_true(done[1] == list[3] and not_done[1] == list[1] and not_done[3] == list[4])
    done, not_done = concur.wait_all(list, 0.02)
    kit.same({ 1, 3 }, { #done, #not_done })
    local t = concur.spawn(function() for _, i in ipairs { 1, 2, 4 } do list[i]:set_result() end end)
    done, not_done = concur.wait_all(list, T)
    kit.same({ 4, 0 }, { #done, #not_done })
    for i = 1, 4 do assert.is_true(done[i] == list[i]) end
    t:join(T)
    kit.same({ 0, 0 }, { #concur.wait_all {}, #concur.wait_first {} })
  end)

  it("must be futures", function()
    kit.raises("bad item #2 of the list (future expected, got number)", function()
      concur.wait_all { concur.future(), 1 }
    end)
    kit.raises("bad argument #1 to 'as_completed' (table expected, got nil)", function() concur.as_completed(nil) end)
  end)

  it("are many", function()
    local n = 20000
    local list, seen = some(n), 0
    local t = concur.spawn(function() for i = n, 1, -1 do list[i]:set_result(i) end end)
    for f in concur.as_completed(list, T) do seen = seen + f:result(0) end
    assert.are.equal(n * (n + 1) // 2, seen)
    t:join(T)
  end)
end)

describe("a callback", function()
  local pool = concur.thread_pool(1) -- to poll

  it("is called once, in order, at the next wait or poll", function()
    local f, calls = concur.future(), {}
    for i = 1, 3 do assert.is_true(f:on_done(function(of) calls[#calls + 1] = { i, of == f } end) == f) end
    assert.are.equal(0, pool:poll())
    f:set_result(1)
    assert.are.equal(0, #calls)
    assert.are.equal(3, pool:poll())
    f:on_done(function() calls[#calls + 1] = { "late", true } end)
    kit.same({ { 1, true }, { 2, true }, { 3, true } }, calls)
    assert.are.equal(1, pool:poll())
    kit.same({ "late", true }, calls[4])
    assert.are.equal(0, pool:poll())
  end)

  it("a wait for several calls back, too", function()
    local f, other, calls = concur.future(), concur.event(), {}
    f:on_done(function() calls[#calls + 1] = "f" end)
    kit.same({}, concur.wait({ f, other }, 0))
    concur.spawn(function() f:set_result() end):join()
    kit.same({}, calls)
    assert.is_true(concur.wait({ other, f }, T)[1] == f)
    kit.same({ "f" }, calls)
  end)

  it("has been called when the wait for its future returns", function()
    for _ = 1, 200 do
      local f, called = concur.future(), false
      f:on_done(function() called = true end)
      local t = concur.spawn(function() f:set_result() end)
      f:wait(T)
      assert.is_true(called)
      t:join(T)
    end
  end)

  it("is called during a wait for another future", function()
    local first, second, called = concur.future(), concur.future(), false
    first:on_done(function()
      called = true
      second:set_result("by the callback")
    end)
    local t = concur.spawn(function() first:set_result() end)
    assert.are.equal("by the callback", second:result(T))
    assert.is_true(called)
    t:join(T)
  end)

  it("that fails is told to the excepthook, and stops nothing", function()
    local f, told, calls = concur.future(), {}, 0
    local before = concur.excepthook
    concur.excepthook = function(thread, err, traceback) told[#told + 1] = { thread, err, traceback } end
    f:on_done(function() error({ "on purpose" }) end)
    f:on_done(function() error("text", 0) end)
    f:on_done(function() calls = calls + 1 end)
    f:set_result()
    pool:poll()
    concur.excepthook = before
    assert.are.equal(1, calls)
    assert.is_true(told[1][1] == concur.current())
    kit.same({ "on purpose" }, told[1][2])
    assert.are.equal("text", told[2][2])
    assert.is_truthy(told[2][3]:find("^text\nstack traceback:\n.*future_spec"), told[2][3])
  end)

  it("may wait itself, and register others", function()
    local f, g, order = concur.future(), concur.future(), {}
    f:on_done(function()
      order[#order + 1] = "f"
      g:on_done(function() order[#order + 1] = "g" end)
      g:set_result(1)
      assert(g:result(T) == 1)
      order[#order + 1] = "f again"
    end)
    f:set_result()
    f:wait(T)
    kit.same({ "f", "g", "f again" }, order)
  end)
end)
