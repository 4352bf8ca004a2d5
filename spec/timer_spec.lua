-- concur.timer
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- How many kernel threads this process has.
local function tasks()
  local pipe <close> = assert(io.popen("ls /proc/$PPID/task | wc -l"))
  return assert(pipe:read("n"))
end

describe("a timer", function()
  it("runs its function once, after the interval", function()
    local t = concur.timer(0.03, function(...) return concur.now(), select("#", ...), ... end, 1, nil, "three", nil)
    assert.are.equal("timer", concur.type(t))
    assert.are.equal("new", t:status())
    assert.is_false(t:is_alive())
    assert.is_nil(t.ident)
    assert.is_nil(t.native_id)
    assert.is_false(t.daemon)
    local started = concur.now()
    assert.is_true(rawequal(t, t:start()))
    assert.are.equal("integer", math.type(t.ident))
    local results = table.pack(t:join(T))
    kit.same({ true, results[2], 4, 1, nil, "three", nil, n = 7 }, results)
    assert.is_true(results[2] >= started + 0.03, "it was early")
    assert.are.equal("done", t:status())
    assert.is_false(t:is_alive())
    kit.same(results, table.pack(t:join())) -- again
    assert.is_false(t:cancel())
  end)

  it("is alive and waits until its time", function()
    local t = concur.timer(60, print):start()
    assert.is_true(t:is_alive())
    assert.are.equal("waiting", t:status())
    assert.is_nil(t.native_id)
    assert.is_true(t:cancel())
    assert.is_false(t:is_alive())
  end)

  it("is not early, and not much late", function()
    local list, late = {}, {}
    for i, interval in ipairs { 0, 0.0005, 0.001, 0.05, 0.02, 0.01, 0.005, 0.03, 0.0000001 } do
      list[i] = concur.timer(interval, function(start) return concur.now() - start - interval end, concur.now()):start()
    end
    for i, t in ipairs(list) do
      late[i] = kit.join(t)
      assert.is_true(late[i] >= 0, ("early by %g s"):format(-late[i]))
    end
    table.sort(late)
    assert.is_true(late[3] < (h.sanitized and 1 or 0.05), ("late by %g s"):format(late[3]))
  end)

  it("is made with options", function()
    local out = concur.queue()
    local t = concur.timer {
      interval = 0.001,
      target = function(...) out:put { select("#", ...), concur.current().name, _G.given, ... } end,
      args = { nil, 2, nil, n = 3 },
      name = "the timer",
      daemon = true,
      globals = { given = "a global" },
    }
    assert.are.equal("the timer", t.name)
    assert.is_true(t.daemon)
    kit.join(t:start())
    kit.same({ 3, "the timer", "a global", nil, 2 }, out:get(T))
  end)

  it("prints its name and status", function()
    local t = concur.timer { interval = 60, target = print, name = "slow" }
    assert.is_truthy(tostring(t):find("^concur%.timer: 0x%x+ %(slow, new%)$"), tostring(t))
    t:start()
    assert.is_truthy(tostring(t):find("^concur%.timer: 0x%x+ %(slow, waiting%)$"), tostring(t))
    t:cancel()
    assert.is_truthy(tostring(t):find("^concur%.timer: 0x%x+ %(slow, cancelled%)$"), tostring(t))
  end)

  it("has a default name like a thread's, and can be renamed", function()
    local a, b = concur.timer(1, print), concur.thread(print)
    local n = math.tointeger(a.name:match("^Thread%-(%d+)$"))
    assert.are.equal("Thread-" .. n + 1, b.name)
    a.name = "renamed"
    assert.are.equal("renamed", a.name)
    a.daemon = true
    assert.is_true(a.daemon)
    kit.raises("…", function() a.daemon = 7 end)
    kit.raises("…", function() a.color = "red" end)
  end)

  it("refuses wrong arguments", function()
    kit.raises("bad argument #1 to 'timer' (…", function() concur.timer() end)
    for _, wrong in ipairs { -1, 0 / 0, -math.huge, "x", print, true } do
      kit.raises("bad argument #1 to 'timer' (…", function() concur.timer(wrong, print) end)
    end
    for _, wrong in ipairs { 7, "x", {}, true } do
      kit.raises("bad argument #2 to 'timer' (…", function() concur.timer(1, wrong) end)
    end
    kit.raises("bad argument #2 to 'timer' (…", function() concur.timer(1) end)
    for _, wrong in ipairs {
      { target = print }, { interval = -1, target = print }, { interval = 0 / 0, target = print },
      { interval = "1", target = print }, { interval = 1, target = 7 }, { interval = 1, target = print, args = 7 },
      { interval = 1, target = print, repeating = 1 }, { interval = 0, target = print, repeating = true },
      { interval = 1, target = print, name = {} }, { interval = 1, target = print, daemon = "no" },
      { interval = 1, target = print, globals = 7 }, { interval = 1, target = print, intervall = 2 },
      { interval = 1, target = print, args = { n = -1 } },
    } do
      kit.raises("…", function() concur.timer(wrong) end)
    end
    local co = coroutine.create(print)
    local t = concur.timer(1, print, co)
    kit.raises("cannot transfer a thread (at …", function() t:start() end)
    assert.are.equal("new", t:status())
  end)

  it("is started once, and joined only then", function()
    local t = concur.timer(0.001, function() return "ran" end)
    kit.raises("cannot join an unstarted thread", function() t:join(1) end)
    t:start()
    kit.raises("threads can only be started once", function() t:start() end)
    assert.are.equal("ran", kit.join(t))
    kit.raises("threads can only be started once", function() t:start() end)
  end)

  it("join gives nil and timeout before its time", function()
    local t = concur.timer(60, print):start()
    for _, timeout in ipairs { 0, false, 0.01 } do
      kit.same({ nil, "timeout", n = 2 }, table.pack(t:join(timeout)))
    end
    kit.raises("bad argument #1 to 'join' (…", function() t:join(-1) end)
    assert.is_true(t:cancel())
  end)

  it("an error is its result, with a traceback", function()
    local t = concur.timer(0, error, { "on purpose" }):start()
    kit.same({ false, { "on purpose" }, n = 2 }, table.pack(t:join(T)))
    assert.are.equal("failed", t:status())
    t = concur.timer(0, function() error("on purpose") end):start()
    local ok, err = t:join(T)
    assert.is_false(ok)
    assert.is_truthy(err:find("timer_spec.lua:%d+: on purpose$"))
    assert.is_truthy(t:traceback():find("stack traceback:", 1, true))
  end)

  it("the excepthook hears of an error", function()
    local out = concur.queue()
    local old = concur.excepthook
    concur.excepthook = function(thread, err, traceback) out:put { thread.name, err, type(traceback) } end
    local t = concur.timer { interval = 0, target = function() error("on purpose", 0) end, name = "failing" }:start()
    t:join(T)
    concur.excepthook = old
    kit.same({ "failing", "on purpose", "string" }, out:get(T))
  end)

  it("cancelled before its time it never runs", function()
    local ran = concur.value(0)
    for _, start in ipairs { true, false } do
      local t = concur.timer(0.2, function() ran:add(1) end)
      if start then t:start() end
      assert.is_true(t:cancel())
      assert.is_false(t:cancel())
      assert.is_false(t:is_alive())
      assert.are.equal("cancelled", t:status())
      local ok, err = t:join(T)
      assert.is_false(ok)
      assert.is_true(err == concur.CANCELLED)
      if not start then
        t:start() -- as with a thread: nothing happens
        assert.are.equal("cancelled", t:status())
      end
    end
    kit.join(concur.timer(0.25, function() end):start())
    assert.are.equal(0, ran:get())
  end)

  it("cancelled while it runs it is stopped, as a thread is", function()
    local never = concur.event()
    local t = concur.timer(0, function() never:wait(T) end):start()
    kit.eventually("it runs", function() return t.native_id and t:status() == "waiting" end)
    assert.is_true(t:cancel())
    local ok, err = t:join(T)
    assert.is_false(ok)
    assert.is_true(err == concur.CANCELLED)
    local started = concur.event()
    t = concur.timer(0, function()
      started:set()
      while true do started:is_set() end -- busy
    end):start()
    assert.is_true(started:wait(T))
    assert.is_true(t:cancel())
    assert.is_false((t:join(T)))
    assert.are.equal("cancelled", t:status())
  end)

  it("may cancel itself, and start others", function()
    local out = concur.queue()
    local t = concur.timer(0, function()
      concur.timer(0.001, function() out:put(concur.current().name) end):start()
      concur.current():cancel()
      concur.checkpoint()
      out:put("not reached")
    end):start()
    t:join(T)
    assert.are.equal("cancelled", t:status())
    assert.is_truthy(out:get(T):find("^Thread%-%d+$"))
    assert.is_true(out:empty())
  end)

  it("is joined by many, in other threads, too", function()
    local t = concur.timer(0.02, function() return "ran" end)
    local id = t:id()
    t:start()
    local list = {}
    for i = 1, 8 do
      list[i] = concur.spawn(function() return t:id() == id and concur.type(t) == "timer" and select(2, t:join(T)) end)
    end
    for i = 1, 8 do assert.are.equal("ran", kit.join(list[i])) end
    local far = concur.timer(60, print):start()
    kit.join(concur.spawn(function() assert(far:cancel()) end))
    assert.are.equal("cancelled", far:status())
  end)

  it("is among the threads while it is alive", function()
    local before = concur.active_count()
    local t = concur.timer(60, print):start()
    assert.are.equal(before + 1, concur.active_count())
    local found = false
    for _, other in ipairs(concur.threads()) do found = found or other == t end
    assert.is_true(found)
    t:cancel()
    assert.are.equal(before, concur.active_count())
  end)

  it("goes on when its handle is gone", function()
    local out = concur.queue()
    concur.timer(0.01, function() out:put("ran") end):start()
    collectgarbage()
    collectgarbage()
    assert.are.equal("ran", out:get(T))
  end)

  it("a later one does not delay an earlier one", function()
    local later = {}
    for i = 20, 1, -1 do
      later[i] = concur.timer(60 + i, print):start()
      if i % 5 == 0 then assert.are.equal(i, kit.join(concur.timer(0.001, function() return i end):start())) end
    end
    for _, t in ipairs(later) do assert.is_true(t:cancel()) end
  end)

  it("a slow one does not hold up the others", function()
    local go = concur.event()
    local slow = {}
    for i = 1, 6 do slow[i] = concur.timer(0, function() assert(go:wait(T)) end):start() end
    assert.are.equal("quick", kit.join(concur.timer(0.001, function() return "quick" end):start()))
    go:set()
    kit.join_all(slow)
  end)

  it("intervals may be for ever", function()
    for _, interval in ipairs { 1e10, 1e300, math.huge, math.maxinteger } do
      local t = concur.timer(interval, print):start()
      assert.are.equal("waiting", t:status())
      assert.is_true(t:cancel())
    end
  end)

  it("5,000 of them need few kernel threads", function()
    local before, sum = tasks(), concur.value(0)
    local list = {}
    for i = 1, 5000 do list[i] = concur.timer(60, function() sum:add(1) end):start() end
    assert.is_true(tasks() <= before + 2, ("%d kernel threads more"):format(tasks() - before))
    for i = 1, 5000 do assert.is_true(list[i]:cancel()) end
    for i = 1, 5000 do assert.are.equal("cancelled", list[i]:status()) end
    assert.are.equal(0, sum:get())
  end)

  it("a thousand are all run, whatever their order", function()
    local sum, expected = concur.value(0), 0
    local list = {}
    math.randomseed(1)
    for i = 1, 1000 do
      list[i] = concur.timer(math.random() * 0.2, function() sum:add(i) end):start()
      expected = expected + i
    end
    for i = 1, 1000, 7 do -- some are cancelled, in time or not
      if list[i]:cancel() and list[i]:join(T) == false then expected = expected - i end
    end
    for i = 1, 1000 do list[i]:join(T) end
    local ran = 0
    for i = 1, 1000 do
      assert.is_false(list[i]:is_alive())
      if list[i]:status() == "done" then ran = ran + i end
    end
    assert.is_true(ran <= sum:get() and sum:get() <= 500500)
    assert.is_true(expected <= sum:get())
  end)

  it("is counted back: new, done, failed, cancelled", function()
    local before = kit.live()
    do
      local event = concur.event()
      assert.are.equal("timer", concur.type(concur.timer(1, function() event:set() end)))
      kit.join(concur.timer(0, function() return event end):start())
      concur.timer(0, function() error(event) end):start():join(T)
      concur.timer(60, function() event:set() end):start():cancel()
      local t = concur.timer { interval = 0.001, target = function() event:set() end, repeating = true }:start()
      assert.is_true(event:wait(T))
      t:cancel()
      t:join(T)
    end
    kit.settled(before)
  end)
end)

describe("a repeating timer", function()
  it("runs again and again, in time, until it is cancelled", function()
    local times = concur.queue()
    local started = concur.now()
    local t = concur.timer { interval = 0.01, target = function() times:put(concur.now()) end, repeating = true }
    t:start()
    for i = 1, 5 do
      local at = times:get(T)
      assert.is_true(at >= started + i * 0.01, ("run %d was early"):format(i))
      assert.is_true(t:is_alive())
    end
    kit.same({ nil, "timeout" }, { t:join(0.001) })
    assert.is_true(t:cancel())
    local ok, err = t:join(T)
    assert.is_false(ok)
    assert.is_true(err == concur.CANCELLED)
    while times:get(0) do end
    kit.same({ nil, "empty" }, { times:get(0.04) })
  end)

  it("gets its arguments afresh each time", function()
    local out = concur.queue()
    local t = concur.timer {
      interval = 0.001, repeating = true, args = { { n = 1 } },
      target = function(arg)
        _G.runs = (_G.runs or 0) + 1
        out:put { arg.n, _G.runs }
        arg.n = arg.n + 1
      end,
    }:start()
    for _ = 1, 3 do kit.same({ 1, 1 }, out:get(T)) end
    t:cancel()
  end)

  it("never runs twice at once, and makes up for nothing", function()
    local inside, runs = concur.value(0), concur.value(0)
    local t = concur.timer {
      interval = 0.002, repeating = true,
      target = function()
        assert(inside:add(1) == 1, "it runs already")
        runs:add(1)
        concur.sleep(0.01)
        inside:add(-1)
      end,
    }
    local took = kit.seconds(function()
      t:start()
      kit.eventually("five runs", function() return runs:get() >= 5 end)
    end)
    assert.is_true(took >= 0.04)
    assert.is_true(t:is_alive(), tostring(t))
    t:cancel()
    t:join(T)
    assert.is_true(runs:get() <= took / 0.01 + 2)
  end)

  it("an error ends it", function()
    local runs = concur.value(0)
    local t = concur.timer {
      interval = 0.001, repeating = true,
      target = function() if runs:add(1) == 3 then error("the third", 0) end end,
    }:start()
    kit.same({ false, "the third", n = 2 }, table.pack(t:join(T)))
    assert.are.equal("failed", t:status())
    assert.are.equal(3, runs:get())
  end)

  it("is cancelled while it runs, and by itself", function()
    local never, runs = concur.event(), concur.value(0)
    local t = concur.timer {
      interval = 0.001, repeating = true, target = function()
        runs:add(1)
        never:wait(T)
      end,
    }:start()
    kit.eventually("it runs", function() return runs:get() == 1 and t:status() == "waiting" end)
    t:cancel()
    assert.is_false((t:join(T)))
    assert.are.equal("cancelled", t:status())
    assert.are.equal(1, runs:get())
    t = concur.timer {
      interval = 0.001, repeating = true, target = function()
        if runs:add(1) == 4 then concur.current():cancel() end
      end,
    }:start()
    assert.is_false((t:join(T)))
    assert.are.equal("cancelled", t:status())
    assert.are.equal(4, runs:get())
  end)

  it("cancelled at the very end of a run it is cancelled, not done", function()
    local t = concur.timer {
      interval = 0.001, repeating = true, target = concur.shield,
      args = { function() concur.current():cancel() end },
    }:start()
    local ok, err = t:join(T)
    assert.is_false(ok)
    assert.is_true(err == concur.CANCELLED)
    assert.are.equal("cancelled", t:status())
  end)

  it("keeps its name and ident from run to run", function()
    local out = concur.queue()
    local t = concur.timer {
      interval = 0.001, repeating = true, name = "again",
      target = function() out:put { concur.current().name, concur.current().ident } end,
    }:start()
    local ident = t.ident
    for _ = 1, 3 do kit.same({ "again", ident }, out:get(T)) end
    t:cancel()
    t:join(T)
    assert.are.equal(ident, t.ident)
  end)

  it("a hundred started and cancelled at random are gone", function()
    local sum = concur.value(0)
    for round = 1, 5 do
      local list = {}
      for i = 1, 20 do
        list[i] = concur.timer { interval = i * 0.0002, repeating = true, target = function() sum:add(1) end }:start()
      end
      for _ = 1, round * 10 do concur.yield() end
      for i = 1, 20 do list[i]:cancel() end
      for i = 1, 20 do
        local ok, err = list[i]:join(T)
        assert.is_false(ok)
        assert.is_true(err == concur.CANCELLED)
        assert.is_false(list[i]:is_alive())
      end
    end
    assert.are.equal(1, concur.active_count())
  end)
end)

describe("at the script's end, a timer", function()
  local function script(body) return h.output("local concur = require 'concur'\n" .. body) end

  it("is waited for", function()
    assert.are.equal("end\nran\n", script [[
      concur.timer(0.1, function() print "ran" end):start()
      print "end"
    ]])
  end)

  it("is not waited for when it is a daemon", function()
    local took, output = kit.seconds(function()
      return script [[
        concur.timer { interval = 60, target = print, args = { "ran" }, daemon = true }:start()
        concur.timer { interval = 0.001, target = function() end, daemon = true, repeating = true }:start()
        print "end"
      ]]
    end)
    assert.are.equal("end\n", output)
    assert.is_true(took < 5)
  end)

  it("that nobody started, or that was cancelled, is not waited for", function()
    local took, output = kit.seconds(function()
      return script [[
        local t = concur.timer(60, print, "ran")
        concur.timer(60, print, "ran"):start():cancel()
        print "end"
      ]]
    end)
    assert.are.equal("end\n", output)
    assert.is_true(took < 5)
  end)

  it("that repeats goes on until it is cancelled", function()
    assert.are.equal("end\n1\n2\n3\n", script [[
      local runs = concur.value(0)
      concur.timer { interval = 0.01, repeating = true, target = function()
        print(runs:add(1))
        if runs:get() == 3 then concur.current():cancel() end
      end }:start()
      io.write "end\n"
      io.flush()
    ]])
  end)

  it("keeps a wait from counting as a deadlock", function()
    assert.are.equal("true\n", script [[
      local event = concur.event()
      concur.timer(0.2, function() event:set() end):start()
      print(event:wait())
    ]])
  end)
end)
