-- Every method of every kind that managers offer: a proxy does and returns what the object itself does and returns.
local concur = require "concur"
local kit = require "spec.support.kit"

if not (pcall(require, "concur.sodium") and pcall(require, "luv")) then
  return it("concur.manager needs libsodium and luv, of which one is missing here", function() end)
end

local T = kit.TIMEOUT
local KEY = "a key"

local function barrier_of(n) return function() return concur.barrier(n) end end

-- By kind: how one is made, and calls: a method's name and arguments, or a function of the object.
local function set(o) o[1] = "a" end
local function set_name(o) o.name = { 1 } end
local function drop(o) o.name = nil end
local function length(o) return #o end
local function collect(o)
  local t = {}
  for k, v in pairs(o) do t[k] = v end
  return t
end
local function collect_items(o)
  local t = {}
  for item in o:items() do t[#t + 1] = item end
  return t
end
local function sorted(name)
  return function(o)
    local list = o[name](o)
    table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
    return list
  end
end
local function indexes(o) return o[1], o[7], o.name, o[true], o["x"] end
local function scoped(o)
  local held <close> = o:acquire()
  return held ~= nil, o.locked and o:locked(), o.value and o:value()
end
local function failing(o) return pcall(o.with, o, function() error("inside", 0) end) end

local queue_calls = {
  { "put", 2 }, { "put", 1, 1 }, { "put_nowait", 3 }, length, { "qsize" }, { "empty" }, { "full" }, { "maxsize" },
  { "put", 4, 0.01 }, { "put", 4, false }, { "put_many", { 5, 6 }, 0 }, { "get" }, { "get", 1 }, { "task_done" },
  { "task_done" }, { "join", 0.01 }, { "task_done" }, { "join" }, { "task_done" }, { "get_nowait" }, { "get", 0 },
  { "get_many", 3, 0 }, { "get_many", 0 }, { "get_many" }, { "put_many", { 7, 8 } }, { "put_many" },
  { "get_many", 10 }, { "put" }, { "put", 1, -1 }, { "put", 1, "x" }, { "get", {} }, { "put_many", { 8, 9,
    10, 11 }, 0 },
  { "closed" }, { "close" }, { "closed" }, { "put", 1 }, collect_items, { "get" }, { "close", true }, { "nothing" },
}
local lock_calls = {
  { "locked" }, { "owner" }, { "acquire" }, { "locked" }, { "acquire", 0 }, { "release" }, { "release" },
  { "acquire", false }, { "release" }, scoped, failing, { "with", function(...) return ..., 2 end, 1 }, { "with" },
  { "acquire", -1 }, { "locked" },
}
local plan = {
  queue = { function() return concur.queue(3) end, queue_calls },
  lifo = { function() return concur.lifo(3) end, queue_calls },
  priority_queue = { function() return concur.priority_queue { maxsize = 3 } end, queue_calls },
  lock = { concur.lock, lock_calls },
  rlock = { concur.rlock, { { "acquire" }, { "acquire" }, { "count" }, { "release" }, { "count" }, { "release" },
    { "release" }, { "locked" }, scoped, failing, { "with", function(x) return x end, 1 } } },
  semaphore = { function() return concur.semaphore(2) end, { { "value" }, { "acquire" }, { "acquire", 1 },
    { "acquire", 0 }, { "release" }, { "value" }, { "release", 2 }, { "value" }, { "release", -1 }, { "release", "x" },
    scoped, failing, { "with", function(x) return x end, 1 }, { "value" } } },
  bounded_semaphore = { function() return concur.bounded_semaphore(2) end, { { "acquire" }, { "value" }, { "release" },
    { "release" }, { "value" } } },
  event = { concur.event, { { "is_set" }, { "wait", 0.01 }, { "wait", false }, { "set" }, { "is_set" }, { "wait" },
    { "wait", "x" }, { "clear" }, { "is_set" }, { "wait", 0 } } },
  latch = { function() return concur.latch(2) end, { { "count" }, { "wait", 0.01 }, { "count_down" }, { "count" },
    { "count_down", 1 }, { "wait" }, { "count_down" }, { "count" }, { "count_down", -1 } } },
  barrier = { barrier_of(1), { { "wait" }, { "parties" }, { "n_waiting" }, { "broken" }, { "abort" }, { "broken" },
    { "wait" }, { "reset" }, { "broken" }, { "wait", 1 } } },
  condition = { concur.condition, { { "locked" }, { "wait" }, { "acquire" }, { "locked" }, { "wait", 0.01 },
    { "notify" },
    { "notify", 2 }, { "notify_all" }, { "wait_for", function() return 7 end },
    { "wait_for", function() return false end, 0.01 }, { "wait_for" }, { "release" }, { "notify" }, scoped,
    { "with", function(x) return x end, 1 } } },
  dict = { function() return concur.dict { a = 1, b = { 2 } } end, { { "get", "a" }, { "get", "z" }, { "get", "z", 5 },
    { "set", "c", true }, { "has", "c" }, { "has", "z" }, { "pop", "c" }, { "pop", "c" }, { "pop", "c", "none" },
    { "setdefault", "d", 4 }, { "setdefault", "d", 5 }, length, { "copy" }, collect, { "merge", { e = 1 } }, set,
    set_name, indexes, drop, indexes, { "get", 1.0 }, { "get", {} }, { "set", "x" }, { "set", {}, 1 }, { "merge", 5 },
    sorted "keys", { "clear" }, length, { "keys" } } },
  list = { function() return concur.list { 3, 1, 2 } end, { { "append", 5 }, { "insert", 1, 0 }, { "insert", 99, 0 },
    { "pop" }, { "pop", 1 }, { "pop", 99 }, { "extend", { 7, { 8 } } }, { "index", 7 }, { "index", 77 }, length,
    { "copy" }, collect, set, indexes, function(o) o[99] = 1 end, function(o) o[1] = nil end, { "append" }, { "sort" },
    { "pop" }, { "clear" }, { "append", 2 }, { "append", 1 }, { "sort" }, { "copy" }, { "clear" }, { "pop" },
    length } },
  value = { function() return concur.value(1) end, { { "get" }, { "add", 2 }, { "add", 0.5 }, { "add", "x" },
    { "swap", "s" },
    { "add", 1 }, { "compare_swap", "s", nil }, { "compare_swap", "s", 1 }, { "compare_swap", {}, 1 }, { "get" },
    { "set", { 1, { 2 } } }, { "get" }, { "set", 1 << 62 }, { "get" }, length, { "nothing" } } },
}

-- The message alone: without position, the server's traceback, and the name of the kind that "proxy" stands for.
local function bare(err)
  if type(err) ~= "string" then return err end
  err = err:gsub("\n\nserver's .*$", ""):gsub("^[^:\n]*:%d+: ", "")
  return err
end

local function by_name(name)
  local code = "return function(o, ...) local list = table.pack(o:%s(...)) return table.unpack(list, 1, list.n) end"
  return load(code:format(name), "=spec")()
end

local function outcome(object, call)
  local results
  if type(call) == "function" then
    results = table.pack(pcall(call, object))
  else
    results = table.pack(pcall(by_name(call[1]), object, table.unpack(call, 2)))
  end
  for i = 1, results.n do
    if results[i] == object then results[i] = "itself" end
  end
  if not results[1] then results[2] = bare(results[2]) end
  return results
end

-- What differs on purpose: operators name the userdata, whose type is another.
local function same_error(a, b)
  if a == b or a:find "^attempt to" and b:find "^attempt to" then return true end
  return a:gsub("concur%.%a+", "") == b:gsub("concur%.%a+", "")
end

for kind, entry in pairs(plan) do
  describe("a proxy of a " .. kind, function()
    it("does what the object does", function()
      local here, there = entry[1](), entry[1]()
      local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = KEY }
      server:register("object", function() return there end):start()
      local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
      local proxy = m:object()
      for i, call in ipairs(entry[2]) do
        local what = ("call %d, %s"):format(i, type(call) == "table" and call[1] or "a function")
        local a, b = outcome(here, call), outcome(proxy, call)
        if not a[1] and not b[1] and type(a[2]) == "string" and type(b[2]) == "string" then
          if not same_error(a[2], b[2]) then error(("%s: %q, and of the proxy %q"):format(what, a[2], b[2])) end
        else
          local difference = kit.difference(a, b)
          if difference then error(("%s: %s (%s)"):format(what, difference, tostring(b[2]))) end
        end
      end
    end)

    it("has its methods", function()
      local there = entry[1]()
      local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = KEY }
      server:register("object", function() return there end):start()
      local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
      local proxy = m:object()
      local local_only = { fileno = true, pollfd = true, events = true, timeout = true }
      for name in pairs(concur._methods[kind]) do
        assert.are.equal(local_only[name] and "nil" or "function", type(proxy[name]), name)
      end
    end)
  end)
end

describe("a mistake in a call of a manager's", function()
  it("raises with the position of the call", function()
    local queue <const> = concur.queue()
    local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = KEY }
    server:register("queue", function() return queue end)
    server:register("code", function() return print end):start()
    local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
    local proxy = m:queue()
    for what, fn in pairs {
      ["no function 'nothing' is registered"] = function() m:nothing() end,
      ["cannot transfer a function (at the value itself)"] = function() m:code() end,
      ["task_done() called too many times"] = function() proxy:task_done() end,
      ["bad argument #1 to 'get_many' (at least 1 expected)"] = function() proxy:get_many(0) end,
    } do
      local err = kit.error_of(fn)
      local info = debug.getinfo(fn, "S")
      assert.equal(("%s:%d: %s"):format(info.short_src, info.linedefined, what), (err:gsub("\n\nserver's .*", "")))
    end
  end)
end)
