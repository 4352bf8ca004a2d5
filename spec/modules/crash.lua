-- For an interpreter with a debug build: runs an operation in a child process that kills itself at
-- its n-th crash point, for n = 1, 2, … until it survives. After each death the objects must be as before
-- or as after, work for others at once, and leave nothing behind when they go.
--
--   lua crash.lua NAME
local concur = require "concur"

local crash = {}

local PATIENCE = 5

local function text(n) return ("t"):rep(n) end

-- Each: `make` the object, `act` on it in the child, `check` it afterwards: by what may be there then.
local function one_of(got, ...)
  for _, wanted in ipairs { ... } do
    if got == wanted then return end
  end
  error("found " .. tostring(got), 2)
end

local function items_of(q)
  local list = {}
  while q:qsize() > 0 do list[#list + 1] = q:get(PATIENCE) end
  return list
end

local function queue_case(make, put)
  return {
    make = function()
      local q = make()
      q:put({ 1, "first", { q } })
      q:put({ 2, text(500) })
      return q
    end,
    act = function(q) put(q) end,
    check = function(q)
      local seen = {}
      for _, item in ipairs(items_of(q)) do
        local n = type(item) == "table" and item[1] or item
        assert(not seen[n], "doubled")
        seen[n] = true
        if n == 2 then assert(item[2] == text(500)) end
      end
      return seen
    end,
  }
end

local cases = {
  queue_put = queue_case(concur.queue, function(q) q:put({ 3, text(900), { q, concur.lock() } }) end),
  queue_put_scalars = queue_case(concur.queue, function(q) for i = 3, 40 do q:put(i) end end),
  queue_get = queue_case(concur.queue, function(q) q:get() end),
  queue_put_get = queue_case(function() return concur.queue(2) end, function(q)
    q:get()
    q:put({ 3, text(300) })
    q:get()
    q:get()
  end),
  queue_many = queue_case(concur.queue, function(q)
    q:put_many { 3, 4, 5, 6, 7, 8 }
    q:get_many(3)
  end),
  lifo = queue_case(concur.lifo, function(q)
    q:put({ 3, text(500) })
    q:get()
  end),
  priority_queue = queue_case(function() return concur.priority_queue { key = function(x) return x[1] end } end,
    function(q)
      q:put({ 0, text(500) })
      q:put({ 9, "last" })
      q:get()
    end),
  task_waker = { -- a loop of another process has tasks that wait for what the killed one does
    make = function()
      local t = { q = concur.queue(), e = concur.event(), ready = concur.latch(2) }
      t.thread = concur.spawn(function()
        local async = require "concur.async"
        async.run(function()
          async.gather(function()
            t.ready:count_down()
            t.q:get()
          end, function()
            t.ready:count_down()
            t.e:wait()
          end)
        end)
      end)
      assert(t.ready:wait(PATIENCE))
      while t.thread:status() ~= "waiting" do concur.yield() end
      return t
    end,
    act = function(t)
      t.q:put({ 1, text(300) })
      t.e:set()
    end,
    check = function(t)
      t.q:put("again")
      t.e:set()
      assert(t.thread:join(PATIENCE))
    end,
  },
  condition_notify = { -- threads of another process wait, which the killed one was about to move to the lock's line
    make = function()
      local t = { condition = concur.condition(), threads = {}, woken = concur.value(0) }
      for i = 1, 3 do
        t.threads[i] = concur.spawn(function()
          local _ <close> = t.condition:acquire()
          t.condition:wait()
          t.woken:add(1)
        end)
        while t.threads[i]:status() ~= "waiting" do concur.yield() end
      end
      return t
    end,
    act = function(t)
      local _ <close> = t.condition:acquire()
      t.condition:notify(2)
    end,
    check = function(t)
      assert(t.condition:acquire(PATIENCE))
      local before, moved = t.woken:get(), t.condition:notify_all()
      assert(before + moved <= 3, "woken twice")
      t.condition:release()
      for _, thread in ipairs(t.threads) do assert(thread:join(PATIENCE)) end
    end,
  },
  value = {
    make = function() return concur.value({ "old", text(400) }) end,
    act = function(v)
      v:set({ "new", text(500) })
      v:set(7)
      v:add(1)
      v:set(text(200))
      v:set("short")
      v:set({ "newest" })
    end,
    check = function(v)
      local got = v:get()
      one_of(type(got) == "table" and got[1] or got, "old", "new", 7, 8, text(200), "short", "newest")
    end,
  },
  value_update = {
    make = function() return concur.value(5) end,
    act = function(v) v:update(function(n) return n + 1 end) end,
    check = function(v)
      one_of(v:get(), 5, 6)
      one_of(v:update(function(n) return n * 2 end), 10, 12)
    end,
  },
  dict = {
    make = function()
      local d = concur.dict()
      for i = 1, 300 do d[i] = i end
      d.same = { "old" }
      return d
    end,
    act = function(d)
      for i = 301, 330 do d[i] = i end
      d.same = { "new", text(400) }
      d[text(300)] = text(150)
      for i = 100, 140 do d[i] = nil end
      d.same = text(200)
      d[1] = "longer than before"
      d[2] = { 2 }
    end,
    check = function(d)
      local n = 0
      for k, v in pairs(d) do
        n = n + 1
        if type(k) == "number" and k > 2 then assert(k == v) end
      end
      assert(n == #d)
      for i = 141, 300 do assert(d[i] == i) end
      one_of(type(d.same) == "table" and d.same[1] or d.same, "old", "new", text(200))
    end,
  },
  dict_update = {
    make = function() return concur.dict { n = 1 } end,
    act = function(d) d:update("n", function(n) return n + 1 end) end,
    check = function(d)
      one_of(d.n, 1, 2)
      one_of(d:update("n", function(n) return n * 10 end), 10, 20)
    end,
  },
  dict_clear = {
    make = function()
      local d = concur.dict()
      for i = 1, 40 do d[i] = { i, text(300) } end
      return d
    end,
    act = function(d) d:clear() end,
    check = function(d) for i, v in pairs(d) do assert(v[1] == i) end end,
  },
  list = {
    make = function() return concur.list { 1, 2, 3, 4, 5, 6, { 7 }, text(300), 9, 10 } end,
    act = function(l)
      l:insert(3, { "in", text(300) })
      l:insert(9, "in")
      l:pop(2)
      l:pop(9)
      l[4] = { "set" }
      l:append(text(100))
    end,
    check = function(l)
      local last, n = 0, 0
      for _, v in ipairs(l:copy()) do
        n = n + 1
        if type(v) == "number" then
          assert(v > last, "out of order")
          last = v
        end
      end
      assert(n == #l and n >= 9 and n <= 12)
    end,
  },
  list_clear = {
    make = function()
      local l = concur.list()
      for i = 1, 30 do l:append({ i }) end
      return l
    end,
    act = function(l) l:clear() end,
    check = function(l) one_of(#l, 0, 30) end,
  },
  locks = {
    make = function() return { concur.lock(), concur.rlock(), concur.rwlock(), concur.semaphore(2) } end,
    act = function(o)
      for i = 1, 2 do
        local _ <close> = o[i]:acquire()
      end
      local reading = o[3]:read()
      reading:release()
      local writing = o[3]:write()
      writing:release()
      o[4]:acquire()
      o[4]:release()
    end,
    check = function(o)
      for i = 1, 2 do assert(o[i]:acquire(PATIENCE)):release() end
      assert(o[3]:write(PATIENCE)):release()
      assert(o[4]:acquire(0) and o[4]:acquire(0) and not o[4]:acquire(0))
    end,
  },
  pipe = {
    make = function() return { concur.pipe() } end,
    act = function(ends)
      ends[1]:send({ 1, text(300) })
      ends[2]:recv()
      ends[2]:send("back")
    end,
    check = function(ends)
      while ends[1]:poll() do assert(ends[1]:recv() == "back") end
      assert(ends[1]:send(1))
    end,
  },
  objects = {
    make = function() return concur.queue() end,
    act = function(q)
      local list = {}
      for i = 1, 8 do list[i] = ({ concur.lock, concur.queue, concur.dict, concur.value })[i % 4 + 1]() end
      q:put(list)
      for i = 1, 8 do list[i] = nil end
      collectgarbage()
      q:get()
    end,
    check = function(q) one_of(q:qsize(), 0, 1) end,
  },
  log = {
    make = function() return concur.log.config { level = "error", format = text(3000) .. "{level}" }.file end,
    act = function() concur.log.config { level = "debug", format = "{message}" } end,
    check = function()
      -- a new state knows nothing from before
      local _, now = assert(concur.spawn(function() return concur.log.config() end):join(PATIENCE))
      assert(now.format == (now.level == "debug" and "{message}" or text(3000) .. "{level}"), "half set")
      assert(concur.log.config { level = "info", format = "{time}" }.format == "{time}")
    end,
  },
  future = {
    make = function() return { concur.future(), concur.future(), concur.queue() } end,
    act = function(o)
      o[1]:on_done(type)
      o[1]:set_result({ 1, text(300), o[3] })
      o[2]:set_error("short")
      concur.wait_all { o[1], o[2] }
      o[1]:result()
    end,
    check = function(o)
      if o[1]:done() then assert(o[1]:result(0)[2] == text(300)) else o[1]:set_result(1) end
      if not o[2]:done() then o[2]:set_error("short") end
      assert(#concur.wait_all({ o[1], o[2] }, PATIENCE) == 2)
    end,
  },
  pool_submitter = {
    make = function() return concur.thread_pool(2) end,
    act = function(pool)
      local f = pool:submit(function(s) return { s } end, text(300))
      pool:submit(function() concur.sleep(0.001) end):cancel()
      f:result()
      pool:map(function(x) return { x } end, { 1, 2, text(10), 4 })
      for i in pool:imap(function(x) return x end, { 1, 2, 3 }) do
        if i == 1 then break end
      end
    end,
    check = function(pool)
      assert(pool:apply(function() return 1 end) == 1)
      pool:close()
      if not pool:join(PATIENCE) then
        for k, v in pairs(pool:stats()) do print(k, v) end
        error("the pool does not end")
      end
    end,
  },
  -- The process that made the pool dies. What it was starting threads with is some bytes that stay.
  pool_home = {
    bytes = math.huge,
    make = function() return concur.queue() end,
    act = function(q)
      local pool = concur.thread_pool(2)
      q:put(pool)
      for i = 1, 3 do q:put(pool:submit(function(x) return { x } end, i)) end
      pool:map(function(x) return { x } end, { 1, 2, text(300) })
      pool:close()
      pool:join()
    end,
    check = function(q)
      while q:qsize() > 0 do
        local o = q:get(PATIENCE)
        if concur.type(o) == "future" then
          local ok, err = o:wait(PATIENCE)
          assert(ok or err == "the process of the pool has ended", err)
        else
          assert(not pcall(o.submit, o, print))
        end
      end
    end,
  },
  -- A worker dies, which another replaces.
  pool_worker = {
    round = function(n)
      local pool = concur.process_pool { workers = 1, idle_timeout = 100 }
      local function pid() return concur.current_process().pid end
      local old = pool:apply(pid)
      local list = { pool:submit(function() concur._crash_at(n) end) }
      for i = 1, 3 do list[#list + 1] = pool:submit(function(x) return { x, text(300), concur.queue() } end, i) end
      for _, f in ipairs(list) do
        local ok, err = f:wait(PATIENCE)
        if ok == nil then error("stuck at point " .. n) end
        if not ok then assert(err == "worker killed by signal 9 (SIGKILL)", err) end
      end
      local ok, r = pcall(pool.map, pool, function(x) return { x, text(200) } end, { 1, 2, 3 }, { chunk = 1 })
      if ok then assert(r[3][1] == 3) else assert(r:find "worker killed by signal 9") end
      local fine, new
      repeat
        fine, new = pool:submit(function() return concur._crash_at(0) and pid() end):wait(PATIENCE)
      until fine
      pool:close()
      assert(pool:join(PATIENCE))
      return old == new
    end,
  },
}

crash.names = {}
for name in pairs(cases) do crash.names[#crash.names + 1] = name end
table.sort(crash.names)

local function collected()
  collectgarbage()
  collectgarbage()
  local info = concur.info()
  return info.objects, info.shared_memory
end

-- What is more than it was, as text; nil: nothing.
local function more(before, bytes)
  local after, now = collected()
  for kind, count in pairs(after) do
    if count > before[kind] then return ("%d %s left"):format(count - before[kind], kind) end
  end
  if now > bytes then return ("%d bytes left"):format(now - bytes) end
end

-- Whoever buried the process lets go of it a moment after the join.
local function settled(before, bytes)
  local deadline, left = concur.now() + PATIENCE, more(before, bytes)
  while left and concur.now() < deadline do
    concur.sleep(0.001)
    left = more(before, bytes)
  end
  return left
end

-- Objects of one round, in a function of their own so that they go with it.
local function round(case, n)
  if case.round then return case.round(n) end
  local object = case.make()
  local process = concur.process(function(act, o)
    concur._crash_at(n)
    act(o)
    concur._crash_at(0)
  end, case.act, object):start()
  local ok, err = process:join(PATIENCE)
  if ok == nil then error("stuck at point " .. n) end
  if not ok and process.exitcode ~= -9 then error(err) end
  local fine, what = pcall(case.check, object)
  if not fine then error(("point %d: %s"):format(n, what)) end
  return ok
end

local function walk(name)
  local case = cases[name]
  local empty = collected()
  round(case, 1 << 40)
  -- the main process's object stays from the first start on
  empty.process = empty.process + 1
  settled(empty, math.huge)
  local before, bytes = collected()
  local n, survived = 0
  repeat
    n = n + 1
    survived = round(case, n)
    local left = settled(before, case.bytes or bytes)
    if left then error(("point %d: %s"):format(n, left)) end
  until survived
  print("survived " .. n)
end

if arg and arg[0] and arg[0]:find("crash.lua", 1, true) then walk(arg[1]) end

return crash
