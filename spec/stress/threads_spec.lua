-- Many threads for long: nothing is lost, nothing left.
local concur = require "concur"
local h = require "spec.support.helpers"

-- The resident memory of the process that asks, in KiB; for scripts.
local memory = [[
local function resident()
  collectgarbage()
  collectgarbage()
  return tonumber(io.open("/proc/self/status"):read("a"):match("VmRSS:%s*(%d+)"))
end
]]

describe("10,000 threads in sequence", function()
  local works = {
    ["that return"] = "spawn(function(a, b) return a, b end, 1, { 2 }):join(20)",
    ["that fail"] = "spawn(function() error({ code = {} }) end):join(20)",
    ["that are cancelled"] = "local t = spawn(concur.sleep, 60) t:cancel() t:join(20)",
    ["that exit"] = "spawn(function() concur.exit({}) end):join(20)",
    ["that use memory"] = "spawn(function() local t = {} for i = 1, 1000 do t[i] = { i } end X = t end):join(20)",
    ["that send handles"] = "local q = concur.queue() spawn(function() q:put(concur.queue()) return q end):join(20)",
    ["without a join"] = "spawn(function() end) if concur.active_count() > 20 then concur.sleep(0.001) end",
    ["without a start"] = "concur.thread(function() end, {})",
    ["that are named"] = "concur.thread { target = function() end, name = 'name' }:start():join(20)",
    ["that run a class"] = "Class({}):start():join(20)",
    ["that load modules"] = "spawn(function() return #require 'system.core'.gettime and nil end):join(20)",
  }
  for name, work in pairs(works) do
    it(name .. " leave nothing", function()
      local out = h.output(memory .. ([[
        local concur = require "concur"
        concur.excepthook = false
        local spawn = concur.spawn
        Class = concur.thread:extend()
        function Class:init(x) self.x = x end
        function Class:run() return self.x end
        local function round(n) for i = 1, n do %s end end
        local function settled()
          local deadline = concur.now() + 10
          while concur.active_count() > 1 and concur.now() < deadline do concur.sleep(0.001) end
        end
        round(1000)
        settled()
        local before, info = resident(), concur.info()
        round(9000)
        settled()
        local after, now = resident(), concur.info()
        for kind, n in pairs(now.objects) do
          if n > info.objects[kind] + 1 then print(kind, info.objects[kind], n) end
        end
        if now.objects.thread > 2 then print("threads", now.objects.thread) end
        local shared = now.shared_memory - info.shared_memory
        if shared > 65536 then print("shared", shared) end
        if after > before + 2048 then print("resident", before, after) end
      ]]):format(work), { timeout = 100 })
      assert.equal("", out)
    end)
  end

  it("with stacks of their own leave nothing", function()
    local out = h.output(memory .. [[
      local concur = require "concur"
      local function round(n)
        for i = 1, n do assert(concur.thread { target = function() end, stack = 600000 }:start():join(20)) end
      end
      round(300)
      local before = resident()
      round(3000)
      local after = resident()
      if after > before + 2048 then print(before, after) end
    ]], { timeout = 100 })
    assert.equal("", out)
  end)
end)

describe("500 threads at once", function()
  it("ten times over", function()
    for _ = 1, 10 do
      local gate, list = concur.event(), {}
      for i = 1, 500 do
        list[i] = concur.spawn(function()
          gate:wait(20)
          return i
        end)
      end
      assert.equal(501, concur.active_count())
      gate:set()
      for i, t in ipairs(list) do assert.equal(i, h.results(t)) end
      assert.equal(1, concur.active_count())
    end
  end)

  it("each working with all others", function()
    local q, list = concur.queue(), {}
    local sum = concur.value(0)
    for i = 1, 500 do
      list[i] = concur.spawn(function()
        for n = 1, 20 do
          q:put(n)
          sum:add(q:get(20))
        end
      end)
    end
    for _, t in ipairs(list) do h.results(t) end
    assert.equal(500 * 210, sum:get())
    assert.equal(0, #q)
  end)
end)

describe("threads that make threads", function()
  it("to a depth and a width, all joined", function()
    local function tree(self, depth)
      if depth == 0 then return 1 end
      local list, n = {}, 0
      for i = 1, 3 do list[i] = concur.spawn(self, self, depth - 1) end
      for i = 1, 3 do n = n + select(2, list[i]:join(60)) end
      return n
    end
    assert.equal(729, h.results(concur.spawn(tree, tree, 6)))
  end)
end)

describe("starting, joining and cancelling from everywhere", function()
  it("loses no thread and gives each one end", function()
    local ended = concur.value(0)
    local makers = {}
    for i = 1, 8 do
      makers[i] = concur.spawn(function()
        concur.excepthook = false
        local count = { done = 0, cancelled = 0 }
        for n = 1, 500 do
          local t = concur.spawn(function(x)
            if x % 2 == 0 then concur.sleep(60) end
            return x
          end, n)
          local watcher = n % 10 == 0 and concur.spawn(function(x) return (x:join(60)) end, t)
          if n % 2 == 0 or n % 7 == 0 then t:cancel() end
          local ok, err = t:join(60)
          assert(ok == true or err == concur.CANCELLED, tostring(err))
          if watcher then assert(select(2, watcher:join(60)) == ok) end
          count[t:status()] = count[t:status()] + 1
          ended:add(1)
        end
        return count.done, count.cancelled
      end)
    end
    for _, t in ipairs(makers) do
      local done, cancelled = h.results(t)
      assert.equal(500, done + cancelled)
      assert.is_true(cancelled >= 250)
    end
    assert.equal(4000, ended:get())
  end)
end)

describe("scripts that end", function()
  it("with daemons in every state never crash", function()
    for i = 1, 60 do
      local r = h.run(([[
        local concur = require "concur"
        local q = concur.queue()
        for n = 1, 8 do
          concur.thread { daemon = true, args = { n }, target = function(k)
            while true do
              if k %% 4 == 0 then concur.spawn(function() end):join()
              elseif k %% 4 == 1 then q:put({}) q:get()
              elseif k %% 4 == 2 then concur.sleep(0)
              else local t = setmetatable({}, { __gc = function() end }) t.x = t end
            end
          end }:start()
        end
        concur.sleep(%d * 1e-4)
      ]]):format(i % 20))
      assert.equal(0, r.code, r.text)
      assert.equal("", r.err)
      assert.is_true(r.seconds < 5, r.text)
    end
  end)
end)
