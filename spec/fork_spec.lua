-- Forks while many threads are busy with everything that a fork might catch them in.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local forks = h.forks or h.sanitized and 60 or 120 -- stress/fork_spec.lua says how many

describe("forks under fire", function()
  before_each(function() concur.excepthook = false end)

  it("start children that work, whatever the threads of the parent do", function()
    local stop, lock, q = concur.event(), concur.lock(), concur.queue(64)
    local works = {
      function() -- allocates
        local list = {}
        while not stop:is_set() do
          for i = 1, 200 do list[i] = ("x"):rep(i * 7) end
        end
        return #list
      end,
      function() -- prints
        local out <close> = assert(io.open("/dev/null", "w"))
        while not stop:is_set() do
          out:write("line\n", "another ", 1, "\n")
          out:flush()
        end
      end,
      function() -- loads modules
        while not stop:is_set() do
          package.loaded["modules.walk"] = nil
          pcall(require, "no.such.module")
          require "modules.walk"
        end
      end,
      function() while not stop:is_set() do lock:with(function() end) end end,
      function() while not stop:is_set() do q:put({ 1, "x" }, 0.01) end end,
      function() while not stop:is_set() do q:get(0.01) end end,
      function() while not stop:is_set() do concur.spawn(function() end):join() end end,
      function() while not stop:is_set() do concur.timer(0.001, function() end):start():join() end end,
    }
    -- the sanitizers do not look after a fork while threads of theirs come and go
    if h.sanitized then works = { table.unpack(works, 1, 6) } end
    local threads = {}
    for i, work in ipairs(works) do threads[i] = concur.spawn(work) end
    local function child(n)
      local f <close> = assert(io.open("/dev/null", "w"))
      f:write(n)
      require "modules.walk"
      local mine = concur.queue()
      for i = 1, 10 do mine:put({ i, ("y"):rep(100) }) end
      lock:with(function() end)
      local ok, sum = concur.spawn(function() return mine:qsize() + n end):join(20)
      return ok and sum
    end
    for i = 1, forks, 4 do
      local list = {}
      for k = 0, 3 do list[k + 1] = concur.process(child, i + k):start() end
      for k, p in ipairs(list) do assert.equal(i + k - 1 + 10, h.results(p)) end
    end
    stop:set()
    for _, t in ipairs(threads) do h.results(t) end
  end)

  it("1,000 children leave neither descriptors nor memory behind", function()
    local function descriptors()
      local list <close> = io.popen("ls -l /proc/" .. concur.current_process().pid .. "/fd | grep -c -v pipe")
      return list:read("n")
    end
    h.results(concur.process(function() end):start())
    local before, memory, open = kit.live(), concur.info().shared_memory, descriptors()
    for i = 1, h.sanitized and 10 or 100 do
      local list = {}
      for k = 1, 10 do list[k] = concur.process(function(t) return #t end, { i, k }):start() end
      for _, p in ipairs(list) do assert.equal(2, h.results(p)) end
    end
    kit.settled(before)
    kit.eventually("the memory is given back", function() return concur.info().shared_memory <= memory end)
    kit.eventually("no descriptor is left", function() return descriptors() <= open end)
    assert.equal(1, concur.info().processes)
  end)
end)
