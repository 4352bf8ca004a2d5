-- Descriptors for event loops: fileno, and the protocol of cqueues
local concur = require "concur"
local h = require "spec.support.helpers"

local has_luv, uv = pcall(require, "luv")
local has_cqueues, cqueues = pcall(require, "cqueues")

-- Whether an object's descriptor is readable now; nil when there is nothing to ask with.
local function readable(object)
  if has_cqueues then
    local ready = false
    local loop = cqueues.new()
    loop:wrap(function() ready = cqueues.poll(object, 0) == object end)
    assert(loop:loop(1))
    return ready
  end
end

local function open_files()
  local n = 0
  local pipe <close> = assert(io.popen("ls /proc/" .. h.pid .. "/fd 2>/dev/null"))
  for _ in pipe:lines() do n = n + 1 end
  return n
end

do
  local stat = io.open("/proc/self/stat")
  h.pid = stat and stat:read("n") or 0
  if stat then stat:close() end
end

-- What makes a thing of each kind ready, and what undoes that (nil: nothing does).
local function things()
  local q, l, p = concur.queue(), concur.lifo(), concur.priority_queue()
  local a, b = concur.pipe()
  local event, sem, lock, rlock = concur.event(), concur.semaphore(0), concur.lock(), concur.rlock()
  local latch, gate, timer = concur.latch(1), concur.event(), concur.timer(3600, print)
  lock:acquire()
  rlock:acquire()
  local t = concur.spawn(function() gate:wait() end)
  timer:start()
  return {
    { q, function() q:put(1) end, function() q:get() end },
    { l, function() l:put(1) end, function() l:get() end },
    { p, function() p:put(1) end, function() p:get_many(3) end },
    { b, function() a:send(1) end, function() b:recv() end },
    { event, function() event:set() end, function() event:clear() end },
    { sem, function() sem:release() end, function() sem:acquire() end },
    { lock, function() lock:release() end, function() lock:acquire() end },
    { rlock, function() rlock:release() end, function() rlock:acquire() end },
    { latch, function() latch:count_down() end },
    { t, function() gate:set() end },
    { timer, function() timer:cancel() end },
  }
end

describe("a descriptor", function()
  it("follows what other processes do", function()
    if not has_cqueues then return end
    local q, event, gate = concur.queue(), concur.event(), concur.event()
    event:set()
    assert.is_false(readable(q))
    assert.is_true(readable(event))
    local p = concur.process(function()
      gate:wait(20)
      q:put(1)
      event:clear()
    end):start()
    assert.is_false(readable(p))
    gate:set()
    h.poll("the queue's descriptor", readable, q)
    h.poll("the event's descriptor", function() return not readable(event) end)
    h.poll("the process's descriptor", readable, p)
    q:get()
    assert.is_false(readable(q))
  end)

  it("is one per object", function()
    local q, box = concur.queue(), concur.queue()
    local fd = q:fileno()
    assert.are.equal("integer", math.type(fd))
    assert.are.equal(fd, q:fileno())
    assert.are.equal(fd, q:pollfd())
    assert.are.equal("r", q:events())
    assert.is_nil(q:timeout())
    box:put(q)
    assert.are.equal(fd, box:get():fileno())
    assert.are.equal(fd, h.results(concur.spawn(function() return q:fileno() end)))
    assert.are_not.equal(fd, box:fileno())
  end)

  it("is there for what can be waited for, only", function()
    for _, x in ipairs { concur.rwlock(), concur.condition(), concur.barrier(2), concur.value(1) } do
      assert.is_nil(x.fileno)
      h.raises("has no descriptor", function() concur.event().fileno(x) end)
    end
    h.raises("handle expected", function() concur.event().fileno(1) end)
  end)

  it("goes with the last handle", function()
    collectgarbage()
    local before = open_files()
    do
      local list = {}
      for i = 1, 200 do
        list[i] = i % 2 == 0 and concur.queue() or concur.event()
        list[i]:fileno()
      end
      assert(open_files() >= before + 200)
    end
    collectgarbage()
    collectgarbage()
    assert(open_files() <= before + 2)
  end)

  it("cannot be made when there are too many", function()
    local r = h.run([[
      local concur = require "concur"
      local list, message = {}
      for i = 1, 100 do
        local q = concur.queue()
        local ok, err = pcall(q.fileno, q)
        if not ok then message = err break end
        list[i] = q
      end
      print(message)
      local q = concur.queue()
      print(pcall(q.fileno, q))
      q:put(1)
      print(q:get(), #list > 10)
    ]], { shell = "ulimit -n 60" })
    assert(r.code == 0 and r.out:find("^cannot make a descriptor: Too many open files\nfalse"), r.text)
    assert(r.out:find("\n1\ttrue\n$"), r.text)
  end)

  it("is readable as long as the object is ready", function()
    if not has_cqueues then return end
    for _, thing in ipairs(things()) do
      local object, make, undo = thing[1], thing[2], thing[3]
      local what = tostring(object)
      assert(not readable(object), what)
      for _ = 1, 3 do
        make()
        h.poll(what, function() return readable(object) end)
        assert(readable(object), what)
        if not undo then break end
        undo()
        assert(not readable(object), what)
      end
      if undo then make() end
      assert(readable(object), what)
    end
  end)

  it("made late shows what came before", function()
    if not has_cqueues then return end
    for _, thing in ipairs(things()) do
      thing[2]()
      h.poll(tostring(thing[1]), function() return readable(thing[1]) end)
    end
  end)

  it("shows closing, and items taken elsewhere", function()
    if not has_cqueues then return end
    local q = concur.queue(1)
    q:fileno()
    local t = concur.spawn(function()
      q:put(1)
      q:put(2)
    end)
    h.await_status(t, "waiting")
    assert.is_true(readable(q))
    assert.are.equal(1, h.results(concur.spawn(function() return q:get() end)))
    h.results(t)
    assert.is_true(readable(q))
    q:get()
    assert.is_false(readable(q))
    q:close()
    assert.is_true(readable(q))
    local a, b = concur.pipe()
    assert.is_false(readable(b))
    a:close()
    assert.is_true(readable(b))
  end)

  it("shows hand-overs: a getter that waits leaves nothing", function()
    if not has_cqueues then return end
    local q, sem, lock = concur.queue(), concur.semaphore(0), concur.lock()
    lock:acquire()
    for _, x in ipairs { q, sem, lock } do x:fileno() end
    local t = concur.spawn(function() return q:get(), sem:acquire() == sem, lock:acquire() == lock end)
    h.await_status(t, "waiting")
    q:put(7)
    sem:release()
    lock:release()
    assert.are.same({ 7, true, true }, { h.results(t) })
    assert.are.same({ false, false, false }, { readable(q), readable(sem), readable(lock) })
    lock:release()
    assert.is_true(readable(lock))
  end)
end)

describe("an event loop", function()
  -- Four threads put; this one takes in the loop, and others steal.
  local function storm(q, n)
    local stolen = concur.value(0)
    local threads = {}
    for i = 1, 4 do
      threads[i] = concur.spawn(function() for k = 1, n do q:put(k) end end)
    end
    threads[5] = concur.spawn(function()
      for _ = 1, n do
        local v = q:get(0)
        if v then stolen:add(1) end
      end
    end)
    return threads, stolen
  end

  it("of luv is called for every item", function()
    if not has_luv then return end
    local q, n, got = concur.queue(10), 500, 0
    local threads, stolen = storm(q, n)
    local poll, guard = uv.new_poll(q:fileno()), uv.new_timer()
    local late = false
    local function finish()
      poll:close()
      guard:close()
    end
    guard:start(h.patience * 1000, 0, function()
      late = true
      finish()
    end)
    local closer = concur.spawn(function()
      for _, t in ipairs(threads) do t:join() end
      q:close()
    end)
    poll:start("r", function(err)
      assert(not err, err)
      local v, why = q:get(0)
      if v then got = got + 1 end
      if why == "closed" then finish() end
    end)
    uv.run()
    h.results(closer)
    assert(not late, "the loop was not told")
    assert.are.equal(4 * n, got + stolen:get())
  end)

  it("of cqueues waits for several", function()
    if not has_cqueues then return end
    local q, event, n, got = concur.queue(10), concur.event(), 500, 0
    local threads, stolen = storm(q, n)
    local closer = concur.spawn(function()
      for _, t in ipairs(threads) do t:join() end
      event:set()
    end)
    local loop = cqueues.new()
    loop:wrap(function()
      while true do
        assert(cqueues.poll(q, event, h.patience) ~= h.patience, "the loop was not told")
        local v = q:get(0)
        if v then got = got + 1 end
        if not v and event:is_set() then return end
      end
    end)
    assert(loop:loop())
    h.results(closer)
    assert.are.equal(4 * n, got + stolen:get())
    assert.is_false(readable(q))
  end)
end)
