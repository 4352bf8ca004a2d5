--- An event loop of coroutines inside one thread, on libuv (the luv rock).
--
--     local async = require "concur.async" -- or concur.async
--     async.run(function()
--       local task = async.spawn(function() async.sleep(0.1); return "slow" end)
--       print(task:await())
--     end)
--
-- Inside a task every blocking call of concur suspends the task, not the thread. Times are in seconds.
-- @module concur.async
local concur = require "concur"
local heap = require "concur.async.heap"
local loops = require "concur.async.loop"
local net = require "concur.async.net"

local async = {}

local Task = loops.Task
local unpack = table.unpack
local traceback = debug.traceback

local function check_function(fn, i, name, level)
  local mt = type(fn) ~= "function" and getmetatable(fn)
  if type(fn) == "function" or type(mt) == "table" and mt.__call then return end
  error(("bad argument #%d to '%s' (function expected, got %s)"):format(i, name, type(fn)), level or 3)
end

local function check_seconds(s, i, name)
  if math.type(s) == nil then
    error(("bad argument #%d to '%s' (number expected, got %s)"):format(i, name, s == nil and "no value" or type(s)), 3)
  end
  if s ~= s or s < 0 then error(("bad argument #%d to '%s' (time must not be negative)"):format(i, name), 3) end
end

-- {== tasks

--- Runs fn(...) as the first task of a loop, and the loop until that task has ended; what is left then is
-- cancelled, and its clean-up awaited. Returns fn's results or raises its error.
-- @tparam function fn
-- @return what fn returns
function async.run(fn, ...)
  check_function(fn, 1, "run")
  if loops.running() then error("async.run() called while a loop runs in this thread", 2) end
  local main = loops.run(fn, ...)
  if main.state == "done" then return unpack(main.results, 1, main.results.n) end
  if main.state == "cancelled" then error(concur.CANCELLED, 0) end
  error(main.err, 0)
end

--- Makes a task that runs fn(...) when the others let it. Only in a running loop.
-- @treturn task
function async.spawn(fn, ...)
  check_function(fn, 1, "spawn")
  return loops.need():spawn(fn, ...)
end

--- The task that is running, or nil.
function async.current() return loops.current() end

--- Whether the caller is in a task and can wait there.
function async.in_task() return concur._in_task() end

-- Why a task cannot be awaited, or nothing.
local function outcome(task)
  if task.state == "done" then return unpack(task.results, 1, task.results.n) end
  task.seen = true
  local me = loops.current()
  if task.state == "cancelled" then error(concur.CANCELLED, 0) end
  if me then me.cause = task end
  error(task.err, 0)
end

-- Waits for the end of a task; false at the deadline.
local function await_end(task, deadline)
  if not task.thread then return true end
  local me = loops.need_task(2)
  if me == task then error("a task cannot await itself", 3) end
  local waiters = task.waiters
  if not waiters then
    task.waiters = {me}
  elseif me.awaits ~= task then -- else it is there since it was cancelled there
    waiters[#waiters + 1] = me
  end
  me.awaits = task
  while task.thread and not (deadline and concur.now() >= deadline) do loops.wait(deadline) end
  me.awaits = nil
  if not task.thread then return true end
  waiters = task.waiters
  for i = #waiters, 1, -1 do
    if waiters[i] == me then
      table.remove(waiters, i)
      break
    end
  end
  return false
end

--- Waits for the end of the task. Returns its results or raises its error (concur.CANCELLED when it was
-- cancelled); with a timeout nil, "timeout".
-- @number[opt] timeout seconds
function Task:await(timeout)
  if timeout == true then timeout = nil end
  if timeout == false then timeout = 0 end
  if timeout ~= nil then check_seconds(timeout, 1, "await") end
  if not await_end(self, timeout and concur.now() + timeout) then return nil, "timeout" end
  return outcome(self)
end

--- Waits as thread:join: true, results…; false, error; nil, "timeout".
function Task:join(timeout)
  if timeout == true then timeout = nil end
  if timeout == false then timeout = 0 end
  if timeout ~= nil then check_seconds(timeout, 1, "join") end
  if not await_end(self, timeout and concur.now() + timeout) then return nil, "timeout" end
  self.seen = true
  if self.state == "done" then return true, unpack(self.results, 1, self.results.n) end
  return false, self.state == "cancelled" and concur.CANCELLED or self.err
end

--- Whether the task has ended.
function Task:done() return not self.thread end

--- "ready", "running", "waiting", "done", "failed" or "cancelled".
function Task:status()
  local state = self.state
  return (state == "stands" or state == "waits" or state == "sleeps") and "waiting" or state
end

--- Where the error came from that the task has ended with, or nil.
function Task:traceback() return self.trace end

function Task:__tostring() return ("concur.task: %p (%s)"):format(self, self:status()) end

--- Suspends the task for so many seconds.
function async.sleep(seconds)
  check_seconds(seconds, 1, "sleep")
  loops.need_task()
  concur.sleep(seconds)
end

--- Lets the other tasks run that are ready.
function async.yield()
  loops.need_task()
  coroutine.yield()
end

-- ==} {== several

local function is_task(v) return getmetatable(v) == Task end

local function gather(list, n)
  local me = loops.need_task(2)
  local tasks, left = {}, {}
  for i = 1, n do -- all of them, before any is spawned
    if not is_task(list[i]) then check_function(list[i], i, "gather", 4) end
    if list[i] == me then error("a task cannot await itself", 3) end
  end
  for i = 1, n do
    tasks[i] = is_task(list[i]) and list[i] or loops.need():spawn(list[i])
    left[tasks[i]] = true
  end
  -- when one fails, or the caller is cancelled, the others are cancelled, and their ends awaited
  local _ <close> = setmetatable({}, {__close = function()
    for task in pairs(left) do task:cancel() end
    for task in pairs(left) do
      task.seen = true
      await_end(task)
    end
  end})
  local failed
  while next(left) and not failed do
    for task in pairs(left) do
      if not task.thread then
        left[task] = nil
        if task.state ~= "done" then failed = failed or task end
      else
        local waiters = task.waiters
        if not waiters then task.waiters = {me} elseif waiters[#waiters] ~= me then waiters[#waiters + 1] = me end
      end
    end
    if next(left) and not failed then
      me.awaits = left
      loops.wait()
      me.awaits = nil
    end
  end
  if failed then return outcome(failed) end
  for i = 1, n do tasks[i] = tasks[i].results[1] end
  return tasks
end

--- Waits for several tasks; functions are spawned first. Returns the first result of each, in order. If one
-- fails, the others are cancelled, and its error is raised when they have ended.
-- @param ... tasks or functions, or one list of them
-- @return the first result of each; for a list a list with n
function async.gather(...)
  local n = select("#", ...)
  local list = ...
  if n == 1 and type(list) == "table" and not is_task(list) then
    n = math.tointeger(list.n or #list)
    if not n or n < 0 then error("bad argument #1 to 'gather' (its n must be a number of tasks)", 2) end
    local results = gather(list, n)
    results.n = n
    return results
  end
  return unpack(gather({...}, n), 1, n)
end

local Scope = {}
Scope.__index = Scope

function Scope:expire()
  self.expired = true
  if self.task.thread then loops.interrupt(self.task) end
end

-- The scope is left: whether it is by its own doing that the task was cancelled.
local function leave(scope)
  local task = scope.task
  heap.remove(loops.running().heap, scope)
  task.scope = scope.outer
  if not scope.expired then return false end
  local outer = scope.outer
  while outer and not outer.expired do outer = outer.outer end
  if outer or task.cancelled then return false end
  task.thread:uncancel()
  return true
end

local function timed(scope, ok, ...)
  local mine = leave(scope)
  if ok then return ... end
  local err = ...
  if mine and err == concur.CANCELLED then return nil, "timeout" end
  local task, trace = scope.task, scope.trace
  local cause = task.cause
  if cause and rawequal(cause.err, err) and cause.trace then
    trace = cause.whole and cause.trace or loops.joined(trace, cause.trace)
  end
  task.cause = {err = err, trace = trace, whole = true}
  error(err, 0)
end

--- Runs fn(...) in the calling task, and cancels it after so many seconds.
-- @treturn any fn's results, or nil and "timeout" when it was cancelled for that
function async.timeout(seconds, fn, ...)
  check_seconds(seconds, 1, "timeout")
  check_function(fn, 2, "timeout")
  local task = loops.need_task()
  local scope = setmetatable({task = task, deadline = concur.now() + seconds, outer = task.scope}, Scope)
  task.scope = scope
  heap.push(loops.running().heap, scope)
  return timed(scope, xpcall(fn, function(err)
    if err ~= concur.CANCELLED then scope.trace = traceback(type(err) == "string" and err or nil, 2) end
    return err
  end, ...))
end

-- ==} {== threads

local THREADS = 32 -- most of them wait
local pool

local cancel_future = {__close = function(guard) guard[1]:cancel() end}

--- Runs fn(...) in a thread of a pool; the task waits meanwhile. What crosses is copied. A task that is
-- cancelled cancels the call.
-- @return fn's results
function async.to_thread(fn, ...)
  check_function(fn, 1, "to_thread")
  loops.need_task()
  pool = pool or concur.thread_pool {workers = THREADS, name = "async"}
  local future = pool:submit(fn, ...)
  local _ <close> = setmetatable({future}, cancel_future)
  return future:result()
end

-- ==} {== input and output: see net.lua

async.connect = net.connect
async.listen = net.listen
async.resolve = net.resolve
async.popen = net.popen

-- ==}

return async
