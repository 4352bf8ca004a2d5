--- Loop: runs tasks in one thread. What they wait for comes from three sides: objects of concur set bits in
-- the loop's handle, libuv calls back, and time passes. The thread sleeps in one place, on libuv's descriptor.
-- @module concur.async.loop
local concur = require "concur"
local heap = require "concur.async.heap"

local found, uv = pcall(require, "luv")
if not found then
  error("concur.async needs luv, the Lua binding of libuv (luarocks install luv; on Debian: lua-luv)", 0)
end

-- Closing the last state that has luv would unload it, with libuv, whose threads may still run; and each time
-- that it is loaded again it takes a key for thread-local data of which a process has about a thousand.
local library = package.searchpath("luv", package.cpath)
if library then concur._keep_library(library) end

concur._adopt_coroutines()

local DONE, FAILED, STANDS, WAITS, SLEEPS = 0, 1, 2, 3, 4 -- what thread:resume returns first
local ROUNDS = 32 -- of ready tasks, between two looks at what libuv has

--- A task. A hundred thousand of them are to be small, so most have four fields: `thread` (its coroutine, nil after
-- its end), `state` ("ready", "running", "stands" in a line, "waits" to be woken, which may come for nothing,
-- "sleeps", "done", "failed", "cancelled"), and `deadline` and `place` (of its wait, see heap). Some have `mark` (of
-- its slot, when it stands in a line), `roused` (it goes on only since it was cancelled), `cancelled`, `waiters`,
-- `awaits`, `results` (a table with n), `err`, `trace`, `cause` (of the error that it meets: a task, or a table of
-- `err` and the `whole` trace), `seen`.
local Task = {}
Task.__index = Task
Task.__name = "concur.task"

local Loop = {}
Loop.__index = Loop

local running, current -- the loop and the task that this state runs now

local loops = {Task = Task, uv = uv}

function loops.running() return running end

function loops.current() return current end

--- The running loop; raises at the caller's caller when there is none.
function loops.need(level)
  return running or error("no event loop is running (begin with async.run)", (level or 1) + 2)
end

--- The running task; raises when there is none, or when it cannot wait here.
function loops.need_task(level)
  if not current then error("not in a task of an event loop (begin with async.run)", (level or 1) + 2) end
  return current
end

-- {== tasks

local function make_ready(loop, task)
  local last = loop.last + 1
  loop.last, loop[last] = last, task
end

--- Has a task go on that waits in loops.wait.
local function wake(task)
  if task.state ~= "waits" then return end
  task.state = "ready"
  heap.remove(running.heap, task)
  make_ready(running, task)
end
loops.wake = wake

-- "file:line: " of the nearest caller that is not of this library.
local function position()
  for level = 3, math.huge do
    local info = debug.getinfo(level, "Sl")
    if not info then return "" end
    if info.currentline > 0 and not info.source:find("concur[/\\]async") then
      return ("%s:%d: "):format(info.short_src, info.currentline)
    end
  end
end

--- Suspends the calling task until it is woken, or until the deadline (of concur.now's clock). Raises the report when
-- it was told of a deadlock.
function loops.wait(deadline)
  concur._suspend(deadline and math.max(0, deadline - concur.now()))
  local me = current
  local told = me.told
  if told then
    me.told, me.awaits = nil, nil
    error(position() .. told, 0)
  end
end

local function report(task)
  task.reported = true
  local hook = concur.excepthook
  if hook then pcall(hook, concur.current(), task.err, task.trace or tostring(task.err)) end
end

-- A task whose error nobody has asked for.
Task.__gc = function(task)
  if task.state == "failed" and not task.seen and not task.reported then report(task) end
end

local function finish(task, state)
  local loop = running
  task.state, task.thread = state, nil
  loop.tasks[task] = nil
  loop.ntasks = loop.ntasks - 1
  local waiters = task.waiters
  task.waiters = nil
  if waiters then
    for i = 1, #waiters do
      local waiter = waiters[i]
      local awaits = waiter.awaits -- a task, or several as keys of a table
      if awaits == task or awaits and rawget(awaits, task) then wake(waiter) end
    end
  end
  if state == "failed" then
    loop.nfailed = loop.nfailed + 1
    loop.failed[loop.nfailed] = task
  end
end

function loops.joined(trace, awaited) return ("%s\nawaited task:\n%s"):format(trace, awaited) end

local function fail(task, err, trace)
  task.err = err
  if trace == false then running.leaving = true end -- the thread is to end: concur.exit
  if err == concur.CANCELLED then return finish(task, "cancelled") end
  local cause = task.cause
  if cause and rawequal(cause.err, err) and cause.trace then
    if cause.whole then trace = cause.trace else trace = loops.joined(trace or tostring(err), cause.trace) end
  end
  task.trace = trace
  return finish(task, "failed")
end

local function stands(task, deadline, mark)
  task.state, task.mark = "stands", mark
  running.standing[mark] = task
  if deadline then
    task.deadline = deadline
    heap.push(running.heap, task)
  end
end

-- After the task has left the thread.
local function after(task, code, ...)
  current = nil
  if code == DONE then
    task.results = table.pack(...)
    return finish(task, "done")
  end
  local a, b = ...
  if code == FAILED then
    fail(task, a, b)
  elseif code == STANDS then
    stands(task, a, b)
  elseif code == WAITS or code == SLEEPS then
    task.state = code == WAITS and "waits" or "sleeps"
    if a then
      task.deadline = a
      heap.push(running.heap, task)
    end
  else -- coroutine.yield: others have their turn
    task.state = "ready"
    make_ready(running, task)
  end
end

local function step(task)
  local thread, roused = task.thread, task.roused
  if not thread then return end -- cancelled before it began
  current, task.state = task, "running"
  if roused then task.roused = nil end
  return after(task, thread:resume(not roused))
end

function Loop:spawn(fn, ...)
  local task = setmetatable({thread = self.handle:task(fn, ...), state = "ready", deadline = nil, place = nil}, Task)
  self.tasks[task] = true
  self.ntasks = self.ntasks + 1
  make_ready(self, task)
  return task
end

--- Has the task's next wait, or the one that it is in, raise concur.CANCELLED.
function loops.interrupt(task)
  local state, thread = task.state, task.thread
  thread:cancel()
  if state == "waits" or state == "sleeps" then
    task.roused = true
  elseif state == "stands" and thread:expire() then
    running.standing[task.mark] = nil
  else
    return
  end
  task.state = "ready"
  heap.remove(running.heap, task)
  make_ready(running, task)
end

--- Asks a task to stop: what it waits for, or its next wait, raises concur.CANCELLED. One that has not begun
-- never runs. Returns whether it had not ended.
function Task:cancel()
  if not self.thread then return false end
  self.cancelled = true
  if not self.thread:begun() then
    self.thread:finish()
    finish(self, "cancelled")
  else
    loops.interrupt(self)
  end
  return true
end

-- ==} {== what makes them ready

local marks = {}

-- Has all that stand in lines look whether there is something for them.
local function look(loop)
  local standing = loop.standing
  for mark, task in pairs(standing) do
    task.thread:expire()
    standing[mark] = nil
    task.state = "ready"
    heap.remove(loop.heap, task)
    make_ready(loop, task)
  end
end

-- Those that were granted something.
local function take(loop)
  local n, rescan = loop.handle:take(marks)
  local standing = loop.standing
  for i = 1, n do
    local task = standing[marks[i]]
    if task then
      standing[marks[i]] = nil
      task.state = "ready"
      heap.remove(loop.heap, task)
      make_ready(loop, task)
    end
  end
  if rescan then look(loop) end -- granted, perhaps, by one who was killed before it told us
end

-- Those whose time is up.
local function expire(loop)
  local h, now = loop.heap, concur.now()
  while h[1] and h[1].deadline <= now do
    local entry = h[1]
    heap.remove(h, entry)
    if entry.expire then
      entry:expire()
    elseif entry.state ~= "stands" then
      entry.state = "ready"
      make_ready(loop, entry)
    elseif entry.thread:expire() then
      loop.standing[entry.mark] = nil
      entry.state = "ready"
      make_ready(loop, entry)
    end -- else it was granted just now, and is taken next
  end
end

-- Whether something of libuv can happen.
local function stirs(loop)
  local active = false
  uv.walk(function(handle)
    if handle ~= loop.wakener and handle:is_active() then active = true end
  end)
  if active then return true end
  loop.wakener:unref()
  active = uv.loop_alive() -- requests, and handles that are being closed
  loop.wakener:ref()
  return active
end

-- Whether a task waits until others have ended; in what it awaits its metatable, nil for several tasks.
local function awaits_tasks(task)
  local other = task.awaits
  local mt = getmetatable(other)
  return task.state == "waits" and type(other) == "table" and (not mt or mt == Task), mt
end

-- When all tasks wait for each other, and nothing else can happen, tells them. Returns whether that is so.
local function tell_deadlock(loop)
  local lines = {"deadlock: every task of the loop waits for another"}
  for task in pairs(loop.tasks) do
    local awaits, mt = awaits_tasks(task)
    if not awaits then return false end
    local text = mt and tostring(task.awaits) or "several tasks"
    lines[#lines + 1] = ("  %s waits for %s"):format(task, text)
  end
  if stirs(loop) then return false end
  if #lines > 101 then table.move({("  and %d more"):format(#lines - 101)}, 1, 1, 102, lines) end
  local told = table.concat(lines, "\n", 1, math.min(#lines, 102))
  for task in pairs(loop.tasks) do
    task.told = told
    wake(task)
  end
  return true
end

local QUIET = 0.02 -- seconds without anything, until it is worth looking closer
local WORTH = 20   -- times as long as looking takes, which is long with many tasks
local PLACES = 1000 -- so many tasks are told of with where they wait

-- Whether only the family's threads can end what the tasks wait for: all stand in lines, or wait for such tasks, and
-- libuv has nothing to do. No deadline is set.
local function blocked(loop)
  for task in pairs(loop.tasks) do
    local in_line = task.state == "stands" and task.mark ~= 0
    if not in_line and not awaits_tasks(task) then return false end
  end
  if not next(loop.standing) or stirs(loop) then return false end
  local with_place = loop.ntasks <= PLACES
  for _, task in pairs(loop.standing) do task.thread:note(with_place) end
  return true
end

-- Sleeps until something happens.
local function sleep(loop)
  local first, timeout = loop.heap[1], nil
  if not first and not next(loop.standing) and tell_deadlock(loop) then return end
  if first then timeout = math.max(0, first.deadline - concur.now()) end
  local theirs = uv.backend_timeout() -- of libuv's own timers, in milliseconds
  if theirs >= 0 and (not timeout or theirs / 1000 < timeout) then timeout = theirs / 1000 end
  local handle, exposed = loop.handle, not loop.finishing
  if not handle:sleep() then return end
  if timeout then return handle:poll(loop.descriptor, timeout, exposed) end
  if handle:poll(loop.descriptor, loop.quiet or QUIET, exposed) == "ready" then return end
  local before = concur.now()
  local all_wait = blocked(loop)
  loop.quiet = math.max(QUIET, math.min(WORTH * (concur.now() - before), 1))
  if handle:poll(loop.descriptor, nil, exposed, all_wait) == "deadlock" then look(loop) end
end

-- Runs those that are ready now.
local function round(loop)
  local last = loop.last
  for i = loop.first, last do
    local task = loop[i]
    loop[i] = nil
    loop.first = i + 1
    step(task)
  end
  if loop.first > loop.last then loop.first, loop.last = 1, 0 end
end

--- Runs tasks until that one has ended, or the thread is to leave.
function Loop:run(main)
  local rounds = 0
  local function over() return not main.thread or self.leaving end
  while not over() do
    round(self)
    take(self)
    if self.heap[1] then expire(self) end
    rounds = rounds + 1
    local idle = self.first > self.last
    if (idle or rounds % ROUNDS == 0) and not over() then
      if not idle and not self.finishing then self.handle:poll(self.descriptor, 0, true) end -- raises if cancelled
      uv.run("nowait")
      take(self)
      if self.first > self.last and not over() then
        sleep(self)
        uv.run("nowait")
        take(self)
        if self.heap[1] then expire(self) end
      end
    end
  end
end

-- An error may have come between any two instructions, as Ctrl-C does: makes of what the tasks themselves say a
-- loop that can go on. Who waits for something looks whether it has come.
local function mend(loop)
  for key in pairs(loop) do
    if math.type(key) == "integer" then loop[key] = nil end
  end
  current, loop.first, loop.last = nil, 1, 0
  loop.heap, loop.standing, loop.ntasks = {}, {}, 0
  for task in pairs(loop.tasks) do
    local thread, scope = task.thread, task.scope
    local code, deadline = DONE, nil
    if thread then code, deadline = thread:state() end
    loop.ntasks = loop.ntasks + 1
    task.place = nil
    if code == DONE then
      finish(task, task.results and "done" or task.trace and "failed" or "cancelled")
    elseif code == SLEEPS and not task.roused then
      task.state, task.deadline = "sleeps", deadline
      if deadline then heap.push(loop.heap, task) end
    else
      if code == STANDS then thread:expire() end
      task.state = "ready"
      make_ready(loop, task)
    end
    while scope do
      scope.place = nil
      if not scope.expired then heap.push(loop.heap, scope) end
      scope = scope.outer
    end
  end
end

local function cancel_all(loop)
  for task in pairs(loop.tasks) do
    if not task.cancelled then task:cancel() end
  end
end

--- Cancels what is left and waits for its end.
function Loop:finish()
  if not self.ran then mend(self) end
  self.leaving = nil
  while next(self.tasks) do
    cancel_all(self)
    local task = next(self.tasks) -- those that had not begun have ended
    if task then self:run(task) end
  end
end

-- The end of async.run, in whatever way: a clean-up, so that cancellation and exit are held back.
function Loop:__close()
  self.finishing = true
  local ok, err = pcall(concur.shield, self.finish, self)
  self:close()
  if not ok then error(err, 0) end
end

--- Runs fn(...) as the first task; returns the task, which has ended.
function loops.run(fn, ...)
  local loop <close> = loops.new()
  local main = loop:spawn(fn, ...)
  main.seen = true
  concur.shield(loop.run, loop, main)
  loop.ran = true
  return main
end

function Loop:close()
  running, current = nil, nil
  for task in pairs(self.tasks) do -- whose end was not awaited, since that was interrupted
    if task.thread then task.thread:finish() end
    task.thread, task.state = nil, "cancelled"
  end
  for stream in pairs(self.streams) do stream:close() end
  self.wakener:close()
  uv.run("nowait") -- which ends what was closed
  if self.holds then concur._release_pipes() end
  for _, task in pairs(self.failed) do
    if not task.seen and not task.reported then report(task) end
  end
end

function loops.new()
  local handle = concur._loop()
  local wakener = uv.new_poll(handle:fileno())
  local loop = setmetatable({
    handle = handle,
    wakener = wakener,
    descriptor = uv.backend_fd(),
    first = 1, last = 0, -- the ready tasks lie at these places of the loop itself
    heap = {},
    standing = {}, -- by the marks of their slots
    tasks = {}, ntasks = 0,
    failed = setmetatable({}, {__mode = "v"}), nfailed = 0, -- nobody waited for them
    streams = setmetatable({}, {__mode = "k"}),
  }, Loop)
  wakener:start("r", function() end)
  loop.holds = concur._hold_pipes()
  running = loop
  return loop
end

-- ==}

return loops
