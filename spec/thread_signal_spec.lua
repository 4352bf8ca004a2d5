-- Ctrl-C in the lua interpreter: SIGINT interrupts every blocking call of the main thread.
local h = require "spec.support.helpers"

-- A second thread sends the signal once the main thread is blocked: the process's
-- number is the main thread's native id. io.popen, since os.execute ignores
-- SIGINT while it waits.
local prelude = [[
local concur = require "concur"
local function killer(main)
  while main:status() ~= "waiting" do concur.yield() end
  io.popen("kill -INT " .. main.native_id):close()
end
local function kill_when_blocked()
  concur.thread { target = killer, args = { concur.main() }, daemon = true }:start()
end
]]

local calls = {
  sleep = "concur.sleep(15)",
  ["sleep for ever"] = "concur.sleep(math.huge)",
  ["queue:get"] = "concur.queue():get()",
  ["queue:get with a timeout"] = "concur.queue():get(15)",
  ["queue:put"] = "local q = concur.queue(1) q:put(1) q:put({ 2 })",
  ["queue:items"] = "for _ in concur.queue():items() do print 'item' end",
  ["event:wait"] = "concur.event():wait()",
  ["lock:acquire"] = "local l = concur.lock() l:acquire() l:acquire()",
  ["lock:with"] = "local l = concur.lock() l:acquire() l:with(print)",
  join = "concur.thread { target = function() concur.sleep(15) end, daemon = true }:start():join()",
  ["join with a timeout"] =
    "concur.thread { target = function() concur.sleep(15) end, daemon = true }:start():join(15)",
}

describe("SIGINT", function()
  for name, call in pairs(calls) do
    it("interrupts " .. name, function()
      local r = h.run(prelude .. "kill_when_blocked()\n" .. call .. "\nprint 'not reached'")
      assert.equal(1, r.code, r.text)
      assert.matches("interrupted!", r.err)
      assert.matches("stack traceback", r.err)
      assert.equal("", r.out)
      assert.is_true(r.seconds < 2, r.text)
    end)

    it("interrupts " .. name .. " in a coroutine", function()
      local r = h.run(("%skill_when_blocked()\ncoroutine.wrap(function()\n%s\nend)()\nprint 'not reached'")
        :format(prelude, call))
      assert.equal(1, r.code, r.text)
      assert.matches("interrupted!", r.err)
      assert.equal("", r.out)
      assert.is_true(r.seconds < 2, r.text)
    end)

    it("in " .. name .. " can be caught, and leaves all usable", function()
      local out = h.output(prelude .. ([[
        kill_when_blocked()
        local ok, err = pcall(function() %s end)
        print(ok, err:match("interrupted!"))
        concur.sleep(0.001)
        local q = concur.queue()
        concur.spawn(function() q:put(1) end)
        print(q:get(10))
      ]]):format(call))
      assert.equal("false\tinterrupted!\n1\n", out)
    end)
  end

  it("leaves a queue as it was", function()
    assert.equal("nil\tempty\n1\nnil\tempty\n", h.output(prelude .. [[
      kill_when_blocked()
      local q, full = concur.queue(), concur.queue(1)
      full:put(1)
      pcall(q.get, q)
      q:put(1)
      q:get()
      print(q:get(0))
      print(full:get(0))
      print(full:get(0))
    ]]))
  end)

  it("does not put the item of an interrupted put", function()
    assert.equal("1\nnil\tempty\n", h.output(prelude .. [[
      kill_when_blocked()
      local q = concur.queue(1)
      q:put(1)
      pcall(q.put, q, 2)
      print(q:get(0))
      print(q:get(0))
    ]]))
  end)

  it("does not reach blocked threads, and the script's end waits for them", function()
    local r = h.run(prelude .. [[
      local t = concur.spawn(function() concur.sleep(0.3) print "thread" end)
      kill_when_blocked()
      t:join()
    ]])
    assert.equal(1, r.code, r.text)
    assert.equal("thread\n", r.out)
    assert.matches("interrupted!", r.err)
  end)

  it("ends a script that waits for its threads at the end", function()
    local r = h.run(prelude .. [[
      concur.spawn(function() concur.sleep(15) print "thread" end)
      kill_when_blocked()
    ]])
    assert.equal("", r.out, r.text)
    assert.is_true(r.code == 1 or r.signal == 2, r.text)
    assert.is_true(r.seconds < 2, r.text)
  end)

  it("interrupts busy Lua code, as ever", function()
    local r = h.run [[
      local concur = require "concur"
      concur.thread { daemon = true, target = function(pid) io.popen("kill -INT " .. pid):close() end,
        args = { concur.main().native_id } }:start()
      while true do end
    ]]
    assert.equal(1, r.code, r.text)
    assert.matches("interrupted!", r.err)
  end)

  describe("that comes just when a wait begins", function()
    local directory

    setup(function() directory = h.compile("spec/c/alarm.c", "alarm.so", "-shared -fPIC") end)
    teardown(function() os.execute("rm -r " .. h.quote(directory)) end)

    for _, call in ipairs { "q:get()", "concur.sleep(15)" } do
      it("is not lost in " .. call, function()
        for i = 1, 30 do
          local r = h.run(([[
            package.cpath = "%s/?.so;" .. package.cpath
            local concur, alarm = require "concur", require "alarm"
            local q = concur.queue()
            alarm(%d)
            %s
          ]]):format(directory, i * 2000, call), { timeout = 2 })
          assert.equal(1, r.code, r.text)
          assert.matches("interrupted!", r.err)
        end
      end)
    end
  end)
end)

describe("other signals", function()
  it("that stop and continue the process disturb no wait", function()
    assert.equal("true\n", h.output [[
      local concur = require "concur"
      concur.thread { daemon = true, args = { concur.main() }, target = function(main)
        while main:status() ~= "waiting" do concur.yield() end
        io.popen("kill -STOP " .. main.native_id .. "; sleep 0.05; kill -CONT " .. main.native_id):close()
      end }:start()
      local before = concur.now()
      concur.sleep(0.2)
      print(concur.now() - before >= 0.2)
    ]])
  end)
end)
