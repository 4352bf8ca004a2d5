--- What the specs of transfer, queues, locks, events and values have in common.
--
-- A module like any other: its functions may be captured by functions that run
-- in threads, which then find them here by name.
local concur = require "concur"
local counts = require "spec.support.counts"

local kit = {}

concur.excepthook = false -- many threads here fail on purpose

if not package.path:find("spec/?.lua", 1, true) then package.path = "spec/?.lua;" .. package.path end

--- Seconds after which a wait counts as a hang.
kit.TIMEOUT = os.getenv "WATCHED" and 100 or 20

--- Ways to run a function elsewhere; a spec is to hold for each of them.
kit.kinds = {
  { name = "thread", spawn = concur.spawn },
  { name = "process", spawn = function(...) return concur.process(...):start() end },
}

--- `it` where it holds for threads alone: what a process ends with it abandons, what it closes is
-- closed in it, and so on, which have specs of their own.
function kit.it_for_threads(kind, name, fn)
  if kind.name == "thread" then it(name, fn) end
end

--- Calls `fn(kind)` for each kind, within a block of its own.
function kit.each_kind(fn)
  for _, kind in ipairs(kit.kinds) do
    describe("with a " .. kind.name, function() fn(kind) end)
  end
end

-- {== waiting

--- Waits until `fn()` is true; fails, saying `what`, when that takes too long.
function kit.eventually(what, fn, timeout)
  local deadline = concur.now() + (timeout or kit.TIMEOUT)
  local turns = 0
  while not fn() do
    if concur.now() > deadline then error("not in time: " .. what, 2) end
    turns = turns + 1
    if turns < 100 then concur.yield() else concur.sleep(0.0005) end
  end
end

--- Waits until the thread is blocked in a call of concur.
function kit.until_waiting(thread)
  kit.eventually("the thread waits", function() return thread:status() == "waiting" end)
end

--- The results of a thread that must end, and end well.
function kit.join(thread)
  local results = table.pack(thread:join(kit.TIMEOUT))
  if results[1] == nil then error("the thread does not end, it is " .. thread:status(), 2) end
  if not results[1] then error("the thread failed: " .. tostring(results[2]), 2) end
  return table.unpack(results, 2, results.n)
end

function kit.join_all(threads)
  for _, thread in ipairs(threads) do kit.join(thread) end
end

--- Seconds that `fn()` takes, then its results.
function kit.seconds(fn)
  local start = concur.now()
  local results = table.pack(fn())
  return concur.now() - start, table.unpack(results, 1, results.n)
end

--- What keeps a task busy until it is stopped: a loop, or where signals are held while Lua code runs (under
-- ThreadSanitizer) and it is in another process a wait.
function kit.endless(kind)
  local preload = os.getenv "LD_PRELOAD" or ""
  if kind.name == "process" and preload:find "libtsan" then
    return function() concur.event():wait(100) end
  end
  return function() while true do end end
end

-- ==} {== errors

--- The error that `fn()` raises; fails when it raises none.
function kit.error_of(fn)
  local ok, err = pcall(fn)
  if ok then error("nothing was raised", 2) end
  return err
end

--- `fn()` must raise a string with the position of the caller and exactly this
-- message behind it (a trailing … stands for any rest).
function kit.raises(message, fn)
  local ok, err = pcall(fn)
  if ok then error(("nothing was raised, not %q"):format(message), 2) end
  if type(err) ~= "string" then error("an error that is no string: " .. tostring(err), 2) end
  local source = debug.getinfo(fn, "S").short_src
  local position, rest = err:match("^(.-:%d+: )(.*)$")
  if not position or position:sub(1, #source) ~= source then
    error(("no position of the caller in %q"):format(err), 2)
  end
  local start = message:match("^(.*)…$")
  local fits
  if start then fits = rest:sub(1, #start) == start else fits = rest == message end
  if not fits then error(("raised %q, not %q"):format(err, message), 2) end
end

-- ==} {== objects

--- As in spec/support/counts.lua.
kit.live = counts.live
kit.settled = counts.settled

-- ==} {== comparing

local function show(v)
  if type(v) == "string" then
    local s = ("%q"):format(v:sub(1, 40))
    return #v > 40 and ("%s… (%d bytes)"):format(s, #v) or s
  end
  if math.type(v) == "float" then return ("float %.17g"):format(v) end
  return ("%s %s"):format(type(v), tostring(v))
end

local function same_scalar(a, b)
  if math.type(a) ~= math.type(b) or type(a) ~= type(b) then return false end
  if math.type(a) == "float" then return string.pack("<d", a) == string.pack("<d", b) end
  return a == b
end

-- The key as a table has it: a float that is an integer is stored as one.
local function stored(k) return math.type(k) == "float" and math.tointeger(k) or k end

local function is_reference(v) return type(v) == "table" or type(v) == "function" end

local function copy(t)
  local new = {}
  for k, v in next, t do new[k] = v end
  return new
end

local compare

-- Tables as keys have no order: each of x finds one of y that is the same with all
-- that is known, its value included. Changes the maps of what is known.
local function compare_references(x, y, known)
  for k, v in next, x do
    if is_reference(k) then
      local found = rawget(y, k) ~= nil and k or known.there[k]
      local fits = found ~= nil and { there = known.there, back = known.back }
      for other in next, found == nil and y or {} do
        if is_reference(other) and not known.back[other] then
          local trial = { there = copy(known.there), back = copy(known.back) }
          if not compare({ { { k, v }, { other, y[other] }, "" } }, trial) then
            found, fits = other, trial
            break
          end
        end
      end
      if not fits or rawget(y, found) == nil then return "a key that is a table has no counterpart" end
      known.there, known.back = fits.there, fits.back
      local difference = compare({ { { k, v }, { found, y[found] }, "" } }, known)
      if difference then return difference end
    end
  end
end

-- The keys of y that x lacks, and the scalar keys of x whose number type changed.
local function compare_keys(x, y)
  local balance = 0
  for k in next, x do
    balance = balance + (is_reference(k) and 1 or 0)
    if rawget(y, k) == nil and not is_reference(k) then return "lost the key " .. show(k) end
    if math.type(k) and not same_scalar(k, stored(k)) then return "an odd key " .. show(k) end
  end
  for k in next, y do
    balance = balance - (is_reference(k) and 1 or 0)
    if rawget(x, k) == nil and not is_reference(k) then return "got the key " .. show(k) end
    if math.type(k) and not same_scalar(k, stored(k)) then return "an odd key " .. show(k) end
  end
  if balance ~= 0 then return "other keys that are tables" end
end

function compare(list, known)
  while #list > 0 do
    local x, y, path = table.unpack(table.remove(list), 1, 3)
    if type(x) ~= "table" or type(y) ~= "table" then
      local fine = type(x) == "function" and type(y) == "function" or same_scalar(x, y)
      if not fine then return ("at %s: %s became %s"):format(path, show(x), show(y)) end
    elseif known.there[x] or known.back[y] then
      if known.there[x] ~= y or known.back[y] ~= x then return ("at %s: sharing is not kept"):format(path) end
    else
      known.there[x], known.back[y] = y, x
      local trouble = compare_keys(x, y)
      if trouble then return ("at %s: %s"):format(path, trouble) end
      local references = false
      for k, v in next, x do
        if is_reference(k) then
          references = true
        else
          list[#list + 1] = { v, rawget(y, k), #path < 100 and path .. "[" .. show(k) .. "]" or path }
        end
      end
      local m, n = debug.getmetatable(x), debug.getmetatable(y)
      if m ~= n then list[#list + 1] = { m, n, path .. "<metatable>" } end
      trouble = references and compare_references(x, y, known)
      if trouble then return ("at %s: %s"):format(path, trouble) end
    end
  end
end

--- Where `b` differs from `a`, or nil. Exact: types of numbers, bits of floats,
-- sharing and cycles, metatables. Functions are equal to functions.
function kit.difference(a, b) return compare({ { a, b, "" } }, { there = {}, back = {} }) end

--- `b` must be an exact copy of `a`.
function kit.same(a, b)
  local difference = kit.difference(a, b)
  if difference then error(difference, 2) end
end

-- ==} {== ways from one state to another

local function take(q)
  local results = table.pack(q:get(kit.TIMEOUT))
  if results.n ~= 1 then error("nothing to get: " .. tostring(results[2]), 2) end
  return results[1]
end

local function through_error(v) error(v, 0) end

--- name, function that takes a value and gives what arrives; `quick` ones start no
-- thread.
kit.ways = {
  {
    "a queue",
    quick = true,
    function(v)
      local q = concur.queue()
      assert(q:put(v) == true)
      return take(q)
    end,
  },
  {
    "a bounded queue, nowait",
    quick = true,
    function(v)
      local q = concur.queue(1)
      assert(q:put_nowait(v) == true)
      assert(q:full())
      local results = table.pack(q:get_nowait())
      assert(results.n == 1)
      return results[1]
    end,
  },
  { "an argument and a result", function(v) return (kit.join(concur.spawn(function(x) return x end, v))) end },
  { "an upvalue and a result", function(v) return (kit.join(concur.spawn(function() return v end))) end },
  {
    "the arguments of an unstarted thread",
    function(v) return (kit.join(concur.thread { target = function(x) return x end, args = { v, n = 1 } }:start())) end,
  },
  {
    "globals",
    function(v)
      local t = concur.thread { target = function() return _G.arrived end, globals = { arrived = v } }
      return (kit.join(t:start()))
    end,
  },
  {
    "an error",
    function(v)
      local t = concur.spawn(through_error, v)
      local results = table.pack(t:join(kit.TIMEOUT))
      assert(results[1] == false and results.n == 2, "join did not give false and the error")
      return results[2]
    end,
  },
  { "a value's beginning", function(v) return concur.value(v):get() end, quick = true },
  {
    "a value",
    function(v)
      local cell = concur.value(0)
      assert(select("#", cell:set(v)) == 0)
      kit.same(cell:get(), (kit.join(concur.spawn(function() return cell:get() end))))
      return cell:swap("next")
    end,
  },
  {
    "a getter that waits",
    function(v)
      local from, to = concur.queue(), concur.queue()
      local t = concur.spawn(function() to:put((take(from))) end)
      kit.until_waiting(t)
      from:put(v)
      kit.join(t)
      return take(to)
    end,
  },
  {
    "a putter that waits",
    function(v)
      local q = concur.queue(1)
      q:put("first")
      local t = concur.spawn(function(x) return q:put(x, kit.TIMEOUT) end, v)
      kit.until_waiting(t)
      assert(take(q) == "first")
      local arrived = take(q)
      assert(kit.join(t) == true)
      return arrived
    end,
  },
}

-- ==} {== other interpreters

kit.lua = os.getenv("LUA") or "lua5.4"

function kit.quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

--- Runs Lua code in an interpreter of its own; what it printed, and whether it
-- ended with 0. `prefix` goes before the command.
function kit.run(code, prefix)
  local command = ("%s %s -e %s 2>&1 </dev/null"):format(prefix or "", kit.lua, kit.quote(code))
  local pipe = assert(io.popen("timeout 60 sh -c " .. kit.quote(command)))
  local output = pipe:read("a")
  local ok, how, status = pipe:close()
  return output, ok and true or false, ("%s %s"):format(how, status)
end

-- ==}

return kit
