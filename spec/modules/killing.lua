-- Processes that do all kinds of operations on shared objects at full speed, and are killed. After each
-- round the objects must work for others at once; after each set of rounds nothing may be left of them.
local concur = require "concur"

local killing = {}

local PATIENCE = 20

local function make()
  return {
    q = concur.queue(), bounded = concur.queue(4), lifo = concur.lifo(), pq = concur.priority_queue(),
    lock = concur.lock(), rlock = concur.rlock(), sem = concur.semaphore(3), rw = concur.rwlock(),
    condition = concur.condition(), event = concur.event(), latch = concur.latch(1000),
    count = concur.value(0), cell = concur.value("x"), dict = concur.dict(), list = concur.list(),
    sum = concur.value(0), -- under `lock`: of what was added to `entries`
    entries = concur.dict { a = 0, b = 0 },
  }
end

-- Runs in the victims: for ever.
local function work(o, seed)
  math.randomseed(seed)
  local r = math.random
  local function text(n) return ("y"):rep(r(n)) end
  local acts = {
    function() o.q:put(r(1000)) end,
    function() o.q:get(0) end,
    function() o.q:put { r(10), text(600), { o.q } } end,
    function() o.bounded:put(r(10), 0.01) end,
    function() o.bounded:get(0.001) end,
    function() local _ <close> = o.rlock:acquire() end,
    function() local _ <close> = o.sem:acquire() end,
    function() local _ <close> = r(2) == 1 and o.rw:read() or o.rw:write() end,
    function() o.count:add(1) end,
    function() o.cell:set(({ "abc", 5, { 1, 2, o.dict }, text(900) })[r(4)]) end,
    function() o.cell:update(function() return text(300) end) end,
    function() o.dict["k" .. r(200)] = ({ 1, "v", { 1, o.q }, text(600) })[r(5)] end,
    function() return o.dict["k" .. r(200)] end,
    function() o.dict:update("k" .. r(9), function(v) return v and nil or r(9) end) end,
    function()
      if #o.list > 100 then return pcall(o.list.pop, o.list) end
      pcall(o.list.insert, o.list, r(#o.list + 1), ({ 1, "s", { r(9) } })[r(3)])
    end,
    function() o.pq:put(r(100)) o.pq:get(0) end,
    function() o.lifo:put { r(5) } o.lifo:get(0) end,
    function() o.condition:with(function() o.condition:wait(0.001) end) end,
    function() o.condition:with(function() o.condition:notify_all() end) end,
    function() if r(2) == 1 then o.event:set() else o.event:clear() end end,
    function() concur.wait({ o.q, o.event }, 0.001) end,
    -- what a lock protects: whoever finds it abandoned puts it right
    function()
      local _, how = o.lock:acquire()
      if how then o.entries.b = o.entries.a end
      o.entries.a = o.entries.a + 1
      o.entries.b = o.entries.b + 1
      o.lock:release()
    end,
  }
  while true do acts[r(#acts)]() end
end

local function check(o)
  local _, how = assert(o.lock:acquire(PATIENCE), "the lock is stuck")
  if how then o.entries.b = o.entries.a end
  assert(o.entries.a == o.entries.b, "not exclusive")
  o.lock:release()
  assert(o.rlock:acquire(PATIENCE), "the rlock is stuck"):release()
  assert(o.rw:write(PATIENCE), "the rwlock is stuck"):release()
  assert(o.condition:acquire(PATIENCE), "the condition is stuck"):release()
  local units = 0
  while o.sem:acquire(units < 3 and PATIENCE or 0) do units = units + 1 end
  assert(units == 3, "semaphore: " .. units)
  o.sem:release(3)
  o.q:put "probe"
  assert(o.q:qsize() > 0 and o.q:get(PATIENCE) ~= nil)
  o.cell:set "probe"
  assert(o.cell:get() == "probe")
  o.dict.probe = 1
  local n = 0
  for _ in pairs(o.dict) do n = n + 1 end
  assert(n == #o.dict, "the dict's size is wrong")
  for i = 1, #o.list do assert(o.list[i] ~= nil) end
  o.list:append "probe"
  assert(o.list:pop() == "probe")
end

local function start(o, seed) return concur.process(work, o, seed):start() end

local function round(o, victims)
  local list = {}
  for i = 1, victims do list[i] = start(o, math.random(1 << 40)) end
  concur.sleep(0.001 + math.random() * 0.01)
  for _, p in ipairs(list) do p:kill() end
  for _, p in ipairs(list) do
    local ok, err = p:join(PATIENCE)
    if ok ~= false or err ~= "killed by signal 9 (SIGKILL)" then
      error(("%s: %s %s\n%s"):format(p, ok, err, p:traceback()))
    end
  end
  check(o)
end

local function set(rounds)
  local o = make()
  for _ = 1, rounds do round(o, 2) end
  -- what holds itself would stay
  o.q:close(true)
  o.dict:clear()
  o.cell:set(0)
end

-- The counts once those who buried the last have let go.
local function counted()
  local before, info
  repeat
    before = info
    concur.sleep(0.01)
    collectgarbage()
    collectgarbage()
    info = concur.info()
  until before and before.objects.process == info.objects.process and before.shared_memory == info.shared_memory
  return info.objects, info.shared_memory
end

-- What is left more than there was, in words; nil when that is nothing.
local function excess(before, bytes)
  local after, now = counted()
  for kind, n in pairs(after) do
    if n > before[kind] then return ("%d %s left"):format(n - before[kind], kind) end
  end
  if now > bytes then return ("%d bytes left"):format(now - bytes) end
end

--- Kills that many processes, ten to a set; an error tells the seed.
function killing.run(kills, seed)
  math.randomseed(seed)
  local ok, err = xpcall(function()
    set(1)
    local before, bytes = counted()
    for i = 1, kills // 10 do
      set(5)
      local deadline = concur.now() + 10 -- whoever buries may be held up
      local left
      repeat left = excess(before, bytes) until not left or concur.now() > deadline
      if left then error(("set %d: %s"):format(i, left)) end
    end
  end, debug.traceback)
  if not ok then error(("with seed %d: %s"):format(seed, err), 0) end
end

return killing
