-- Deadlocks that tasks of an event loop are part of: each task that stands in a line is told.
local concur = require "concur"
local kit = require "spec.support.kit"

local found, async = pcall(require, "concur.async")
if not found then
  return it("concur.async needs luv, which is missing here", function() end)
end

local T = kit.TIMEOUT
local LULL = 0.1 -- seconds, more than a loop is quiet until it counts as blocked and is looked at

-- What the function raises in a task: a report.
local function report_of(fn, ...)
  local ok, err = pcall(async.run, fn, ...)
  assert(not ok and type(err) == "string" and err:find(": deadlock: every thread waits for another\n", 1, true),
    tostring(err))
  return err
end

local function has(text, part) assert(text:find(part, 1, true), text) end

describe("a task that waits for what cannot come", function()
  local hook
  before_each(function() hook, concur.excepthook = concur.excepthook, false end)
  after_each(function() concur.excepthook = hook end)

  it("is told where, and what it waits for", function()
    local q = concur.queue()
    local report = report_of(function() q:get() end)
    local line = debug.getinfo(1, "l").currentline - 1
    assert(report:find(("^spec/async_deadlock_spec.lua:%d: deadlock: "):format(line)), report)
    has(report, "\n  MainThread runs an event loop whose tasks wait\n")
    has(report, ("\n  a task of MainThread waits for concur.queue: %s, at spec/async_deadlock_spec.lua:%d"):format(
      tostring(q):match "0x%x+", line))
    q:put(1)
    assert.are.equal(1, async.run(function() return q:get() end))
  end)

  local full = concur.queue(1)
  full:put(1)
  local lock, rlock, rwlock, busy = concur.lock(), concur.rlock(), concur.rwlock(), concur.semaphore(0)
  local recv_end, send_end = concur.pipe()
  -- Each hangs in the second task, while the first holds on to what it took.
  local waits = {
    lock = { function() lock:acquire() end, function() lock:acquire() end, function() lock:release() end },
    rlock = { function() rlock:acquire() end, function() rlock:acquire() end, function() rlock:release() end },
    ["read of an rwlock"] = { function() return rwlock:write() end, function() rwlock:read() end,
      function(hold) hold:release() end },
    ["write of an rwlock"] = { function() return rwlock:read() end, function() rwlock:write() end,
      function(hold) hold:release() end },
    semaphore = { false, function() busy:acquire() end },
    event = { false, function() concur.event():wait() end },
    barrier = { false, function() concur.barrier(2):wait() end },
    latch = { false, function() concur.latch(1):wait() end },
    future = { false, function() concur.future():result() end },
    ["full queue"] = { false, function() full:put(2) end },
    ["priority queue"] = { false, function() concur.priority_queue():get() end },
    join = { false, function() full:join() end },
    pipe = { false, function() recv_end:recv() end },
    ["several things"] = { false, function() concur.wait { concur.event(), concur.event() } end },
  }
  for name, wait in pairs(waits) do
    it("is told: " .. name, function()
      local first, second, third = table.unpack(wait)
      async.run(function()
        local hold = first and first()
        for _ = 1, 2 do
          local ok, err = async.spawn(second):join()
          assert.is_false(ok)
          assert(err:find("^spec/async_deadlock_spec.lua:%d+: deadlock: "), err)
          has(err, "a task of MainThread")
        end
        if third then third(hold) end
      end)
      if name == "pipe" then
        send_end:send(5)
        assert.are.equal(5, async.run(function() return recv_end:recv() end))
      end
    end)
  end

  it("is told of a condition, whose lock it has again", function()
    local condition = concur.condition()
    async.run(function()
      condition:acquire()
      local ok, err = pcall(condition.wait, condition)
      assert(not ok and err:find("deadlock", 1, true), err)
      condition:release()
    end)
  end)

  it("is told who holds it", function()
    local mine, theirs, never = concur.lock(), concur.lock(), concur.queue()
    local holder = concur.thread { name = "holder", target = function()
      theirs:acquire()
      never:get()
    end }:start()
    kit.until_waiting(holder)
    local report = report_of(function()
      local other = async.spawn(function()
        mine:acquire()
        theirs:acquire()
      end)
      async.sleep(0)
      mine:acquire()
      other:await()
    end)
    has(report, ", held by holder, at spec/async_deadlock_spec.lua:")
    has(report, ", held by a task of MainThread, at spec/async_deadlock_spec.lua:")
    has(report, "\n  holder waits for concur.queue: ")
    local ok, err = holder:join(T)
    assert(not ok and err:find("deadlock", 1, true), err)
  end)

  it("may catch that; who awaits it goes on with it", function()
    local q = concur.queue()
    assert.are.equal(3, async.run(function()
      local function wait()
        local n = 0
        for _ = 1, 3 do
          local ok, err = pcall(q.get, q)
          assert(not ok and err:find("deadlock", 1, true))
          n = n + 1
        end
        return n
      end
      return (async.gather(wait, wait))
    end))
  end)

  it("is one of many, each of which is told, and the report is short", function()
    local q = concur.queue()
    async.run(function()
      local tasks = {}
      for i = 1, 2000 do tasks[i] = async.spawn(q.get, q) end
      for _, task in ipairs(tasks) do
        local ok, err = task:join()
        assert(not ok and err:find "and 1901 more$", err)
      end
    end)
  end)

  kit.each_kind(function(kind)
    it("is told together with another's loop and thread", function()
      local a, b, c, go = concur.queue(), concur.queue(), concur.queue(), concur.latch(3)
      local function loop() return require "concur.async".run(function()
        go:count_down()
        return b:get()
      end) end
      local others = { kind.spawn(loop), kind.spawn(function()
        go:count_down()
        return c:get()
      end) }
      local report = report_of(function()
        go:count_down()
        a:get()
      end)
      has(report, "whose tasks wait\n")
      for _, other in ipairs(others) do
        local ok, err = other:join(T)
        assert(not ok and err:find("deadlock: every thread waits", 1, true), err)
      end
    end)

    it("goes on when another gives something, whenever that is", function()
      local q, back = concur.queue(), concur.queue()
      local giver = kind.spawn(function()
        for i = 1, 60 do
          concur.event():wait(0.016 + i % 30 * 0.001) -- about as long as a loop is quiet until it counts as blocked
          q:put(i)
          assert(back:get(20) == i)
        end
      end)
      async.run(function()
        for i = 1, 60 do
          assert.are.equal(i, q:get())
          back:put(i)
        end
      end)
      kit.join(giver)
    end)
  end)

  it("is told when the process is killed that would have given something", function()
    local q = concur.queue()
    local process = concur.process(function()
      require "concur.async".run(function() concur.event():wait(100) end)
    end):start()
    local killer = concur.spawn(function()
      while concur.main():status() ~= "waiting" do concur.yield() end
      process:kill()
    end)
    report_of(function() q:get() end)
    kit.join(killer)
    assert.is_false((process:join(T)))
  end)

  it("is not one of a process that was killed", function()
    local q, go = concur.queue(), concur.event()
    local process = concur.process(function()
      local loops = require "concur.async"
      loops.run(function()
        for _ = 1, 5 do loops.spawn(q.get, q) end
        loops.sleep(0)
        go:set()
        concur.event():wait(100)
      end)
    end):start()
    assert(go:wait(T))
    process:kill()
    process:join(T)
    local ok, report = pcall(q.get, q)
    assert(not ok and report:find "^[^\n]+\n[^\n]+$", report) -- only the caller
    async.run(function() -- in slots that the killed tasks had
      for _ = 1, 6 do async.spawn(q.get, q, 0.01) end
    end)
  end)
end)

describe("no deadlock is reported", function()
  -- fn(q) has somebody put "fine" into the queue after a lull.
  local function is_fine(fn)
    assert.are.equal("fine", async.run(function()
      local q = concur.queue()
      fn(q)
      return q:get()
    end))
  end

  it("while another task sleeps, or has a timeout", function()
    is_fine(function(q)
      async.spawn(function()
        pcall(async.timeout, LULL, async.sleep, 100)
        q:put("fine")
      end)
    end)
    is_fine(function(q)
      async.spawn(function()
        assert.is_false((concur.event():wait(LULL)))
        q:put("fine")
      end)
    end)
  end)

  it("while libuv has something to do", function()
    is_fine(function(q)
      local program = assert(async.popen { "sleep", tostring(LULL) })
      async.spawn(function()
        program:wait()
        program:close()
        q:put("fine")
      end)
    end)
    is_fine(function(q)
      local server
      server = assert(async.listen("127.0.0.1:0", function(stream)
        q:put(stream:read())
        server:close()
      end))
      local stranger = [[ -- of no family: only libuv can tell that it comes
        local uv = require "luv"
        local timer, tcp = uv.new_timer(), uv.new_tcp()
        timer:start(%d, 0, function()
          timer:close()
          tcp:connect("127.0.0.1", %d, function() tcp:write("fine\n", function() tcp:close() end) end)
        end)
        uv.run()
      ]]
      local port = tonumber(server:address():match "%d+$")
      assert(os.execute(("%s -e %s &"):format(kit.lua, kit.quote(stranger:format(LULL * 1000 // 1, port)))))
    end)
    is_fine(function(q)
      local timer = require "luv".new_timer()
      timer:start(math.floor(LULL * 1000), 0, function()
        timer:close()
        q:put("fine")
      end)
    end)
  end)

  local function give(q)
    concur.event():wait(LULL)
    q:put("fine")
  end

  kit.each_kind(function(kind)
    it("while another, or a worker of a pool, may give something", function()
      is_fine(function(q) kind.spawn(give, q) end)
      local pool <close> = concur.pool { workers = 1, kind = kind.name }
      is_fine(function(q) pool:submit(give, q) end)
    end)
  end)

  it("while timers, other programs or descriptors may signal", function()
    is_fine(function(q) concur.timer(LULL, function() q:put("fine") end):start() end)
    is_fine(function(q)
      async.spawn(function()
        assert.are.equal(0, concur.subprocess.run { "sleep", tostring(LULL) }.code)
        q:put("fine")
      end)
    end)
    is_fine(function(q)
      assert(q:fileno() >= 0)
      concur.spawn(give, q)
    end)
  end)
end)
