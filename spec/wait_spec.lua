-- concur.wait
local concur = require "concur"
local h = require "spec.support.helpers"

-- A handle of each kind that is not ready, and what makes it so.
local function sleepers()
  local q, l, p = concur.queue(), concur.lifo(), concur.priority_queue()
  local a, b = concur.pipe()
  local event, latch, sem = concur.event(), concur.latch(1), concur.semaphore(0)
  local bounded, lock, gate = concur.bounded_semaphore(1), concur.lock(), concur.event()
  bounded:acquire()
  lock:acquire()
  local t = concur.spawn(function() gate:wait() end)
  local timer = concur.timer(3600, print)
  timer:start()
  return {
    { q, function() q:put(1) end }, { l, function() l:put(1) end }, { p, function() p:put(1) end },
    { b, function() a:send(1) end }, { event, function() event:set() end },
    { latch, function() latch:count_down() end }, { sem, function() sem:release() end },
    { bounded, function() bounded:release() end }, { lock, function() lock:release() end },
    { t, function() gate:set() end }, { timer, function() timer:cancel() end },
  }
end

local function ids(list)
  local result = {}
  for i, x in ipairs(list) do result[i] = x:id() end
  return result
end

describe("concur.wait", function()
  it("gives the ready ones in order", function()
    local things = sleepers()
    local list = {}
    for i, thing in ipairs(things) do list[i] = thing[1] end
    assert.are.same({}, concur.wait(list, 0))
    assert.are.same({}, concur.wait(list, 0.01))
    local ready = {}
    for i, thing in ipairs(things) do
      thing[2]()
      ready[i] = thing[1]
      h.poll("a thing to be ready", function() return #concur.wait(list, 0) == i end)
      assert.are.same(ids(ready), ids(concur.wait(list)))
    end
  end)

  it("is woken by each kind", function()
    for _, thing in ipairs(sleepers()) do
      local object, wake = thing[1], thing[2]
      local never = concur.event()
      local t = concur.spawn(function()
        local list = concur.wait { never, object }
        return #list, list[1] == object
      end)
      h.await_status(t, "waiting")
      wake()
      assert.are.same({ 1, true }, { h.results(t) })
    end
  end)

  it("wakes for closing", function()
    for _, kind in ipairs { "queue", "lifo", "priority_queue" } do
      local q = concur[kind]()
      local t = concur.spawn(function() return #concur.wait { q } end)
      h.await_status(t, "waiting")
      q:close()
      assert.are.equal(1, h.results(t))
      assert.are.equal(1, #concur.wait({ q }, 0))
    end
  end)

  it("takes nothing out and acquires nothing", function()
    local q, sem, lock = concur.queue(), concur.semaphore(1), concur.lock()
    q:put(1)
    for _ = 1, 10 do assert.are.equal(3, #concur.wait { q, sem, lock }) end
    assert.are.same({ 1, 1, false }, { #q, sem:value(), lock:locked() })
  end)

  it("returns at once for nothing", function()
    assert.are.same({}, concur.wait {})
    assert.are.same({}, concur.wait({}, math.huge))
  end)

  it("may be given a thing twice", function()
    local event, q = concur.event(), concur.queue()
    local t = concur.spawn(function() return #concur.wait { event, q, event } end)
    h.await_status(t, "waiting")
    event:set()
    assert.are.equal(2, h.results(t))
  end)

  it("takes instances of classes", function()
    local gate = concur.event()
    local Class = concur.thread:extend()
    function Class.run() gate:wait() end
    local instance = Class():start()
    assert.are.same({}, concur.wait({ instance }, 0))
    gate:set()
    assert.are.equal(instance, concur.wait({ instance })[1])
    h.join(instance)
  end)

  it("an rlock is ready for its owner only", function()
    local lock = concur.rlock()
    lock:acquire()
    assert.are.equal(1, #concur.wait({ lock }, 0))
    local t = concur.spawn(function()
      local n = #concur.wait({ lock }, 0)
      return n, #concur.wait { lock }
    end)
    h.await_status(t, "waiting")
    lock:release()
    assert.are.same({ 0, 1 }, { h.results(t) })
  end)

  it("misuse raises", function()
    h.raises("table expected", function() concur.wait() end)
    h.raises("table expected", function() concur.wait(concur.event()) end)
    h.raises("item #2 .*handle expected, got number", function() concur.wait { concur.event(), 7 } end)
    h.raises("item #1 .*handle expected, got table", function() concur.wait { {} } end)
    h.raises("an unstarted thread", function() concur.wait { concur.thread(print) } end)
    h.raises("an unstarted timer", function() concur.wait { concur.timer(1, print) } end)
    for _, x in ipairs { concur.rwlock(), concur.condition(), concur.barrier(2), concur.value(1) } do
      h.raises("cannot wait for a concur." .. concur.type(x), function() concur.wait { x } end)
    end
    h.raises("negative", function() concur.wait({ concur.event() }, -1) end)
    h.raises("NaN", function() concur.wait({ concur.event() }, 0 / 0) end)
  end)

  it("two see one item, and one gets it", function()
    for _ = 1, 50 do
      local q, threads = concur.queue(), {}
      for i = 1, 2 do
        threads[i] = concur.spawn(function()
          local list = concur.wait { q }
          assert(#list == 1)
          return q:get(0)
        end)
        h.await_status(threads[i], "waiting")
      end
      q:put("x")
      local a, b = h.results(threads[1]), (h.results(threads[2]))
      assert.is_true((a == "x") ~= (b == "x"))
    end
  end)

  it("does not disturb the order of those who get", function()
    local q, threads = concur.queue(), {}
    local function stand(f)
      threads[#threads + 1] = concur.spawn(f)
      h.await_status(threads[#threads], "waiting")
    end
    stand(function() return #concur.wait { q } end)
    stand(function() return q:get() end)
    stand(function() return #concur.wait { q } end)
    stand(function() return q:get() end)
    q:put("a")
    assert.are.equal(1, h.results(threads[1]))
    assert.are.equal("a", h.results(threads[2]))
    assert.is_true(threads[3]:is_alive())
    q:put("b")
    assert.are.equal("b", h.results(threads[4]))
    assert.are.equal(1, h.results(threads[3]))
    assert.are.equal(0, #q)
  end)

  it("leaves the lines as they were when it gives up", function()
    local lock, sem, q = concur.lock(), concur.semaphore(0), concur.queue()
    lock:acquire()
    for _ = 1, 20 do assert.are.same({}, concur.wait({ lock, sem, q }, 0.0005)) end
    local t = concur.spawn(function() return lock:acquire() and sem:acquire() and q:get() end)
    h.await_status(t, "waiting")
    assert.are.same({}, concur.wait({ lock, sem, q }, 0.001))
    lock:release()
    sem:release()
    q:put("x")
    assert.are.equal("x", h.results(t))
  end)

  it("is cancelled, and raises a deadlock", function()
    local event, q = concur.event(), concur.queue()
    local t = concur.spawn(function() concur.wait { event, q } end)
    h.await_status(t, "waiting")
    t:cancel()
    assert.are.same({ false, concur.CANCELLED }, { h.join(t) })
    local r = h.run [[
      local concur = require "concur"
      print(pcall(concur.wait, { concur.event(), concur.queue() }))
    ]]
    assert(r.code == 0 and r.out:find("^false.*deadlock: every thread waits for another"), r.text)
    assert(r.out:find("waits for concur.event"), r.text)
  end)

  it("waits for a thousand things", function()
    local list = {}
    for i = 1, 1000 do list[i] = i % 2 == 0 and concur.event() or concur.queue() end
    assert.are.same({}, concur.wait(list, 0.001))
    local t = concur.spawn(function() return concur.wait(list)[1] == list[777] end)
    h.await_status(t, "waiting")
    list[777]:put(1)
    assert.is_true(h.results(t))
  end)

  it("never sleeps through anything", function()
    for round = 1, 300 do
      local q, event = concur.queue(), concur.event()
      local t = concur.spawn(function()
        local n = 0
        while true do
          assert(#concur.wait({ q, event }, h.patience) > 0)
          while q:get(0) do n = n + 1 end
          if event:is_set() and q:empty() then return n end
        end
      end)
      for i = 1, round % 7 do q:put(i) end
      event:set()
      assert.are.equal(round % 7, h.results(t))
    end
  end)

  it("with many waiters, takers and givers at once", function()
    local queues, stop, taken = {}, concur.event(), concur.value(0)
    for i = 1, 3 do queues[i] = concur.queue(i) end
    local threads = {}
    for i = 1, 3 do
      threads[i] = concur.spawn(function()
        while true do
          local list = concur.wait { queues[1], queues[2], queues[3], stop }
          local got = false
          for _, q in ipairs(list) do
            if q ~= stop and q:get(0) then
              taken:add(1)
              got = true
            end
          end
          if not got and stop:is_set() then return end
        end
      end)
    end
    local putters = {}
    for i = 1, 3 do
      putters[i] = concur.spawn(function() for k = 1, 1000 do queues[i]:put(k) end end)
    end
    for _, t in ipairs(putters) do h.results(t) end
    stop:set()
    for _, t in ipairs(threads) do h.results(t) end
    assert.are.equal(3000, taken:get())
  end)
end)
