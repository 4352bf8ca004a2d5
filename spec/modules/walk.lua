--- The walk over failing allocations, run by allocation_spec.lua in an interpreter
-- of its own whose concur is a debug build: lua5.4 spec/modules/walk.lua NAME
--
-- An operation is tried with the first allocation of shared memory (and all later
-- ones) failing, then with the second, and so on until it succeeds. Each failure
-- must be clean, leave what was there whole, and leak nothing.
local concur = require "concur"

concur.excepthook = false

local OUT = "out of shared memory"
local LIMIT = 200 -- allocations that an operation may need

local function live()
  collectgarbage()
  collectgarbage()
  return concur.info()
end

local function equal(a, b, what)
  if a ~= b then error(("%s: %s, not %s"):format(what, tostring(a), tostring(b)), 2) end
end

-- {== operations: prepare() → context; act(context) → result; check(context, done, result)

local function queue_with(n)
  return function()
    local q = concur.queue()
    for i = 1, n do q:put(i) end
    return { q = q, n = n }
  end
end

local function check_queue(item)
  return function(c, done)
    local q, n = c.q, c.n
    equal(q:qsize(), done and n + 1 or n, "size")
    for i = 1, n do equal(q:get(0), i, "item") end
    if done then
      local got = q:get(0)
      equal(type(got), type(item(c)), "type of the item")
      if type(got) == "string" then equal(got, item(c), "item") end
    end
    equal(q:get(0), nil, "end")
    assert(q:put("after") == true)
    equal(q:get(0), "after", "use afterwards")
  end
end

local function put(n, item)
  return { prepare = queue_with(n), act = function(c) assert(c.q:put(item(c)) == true) end, check = check_queue(item) }
end

local function constant(v)
  return function() return v end
end

local function handles(c)
  c.lock = c.lock or concur.lock()
  c.event = c.event or concur.event()
  return { c.lock, { c.event, c.lock }, c.q }
end

local function prepare_handles()
  local c = queue_with(3)()
  handles(c)
  return c
end

local function check_value(c, done, old, new)
  local got = c.v:get()
  if done then new(got) else old(got) end
  c.v:set(1)
  equal(c.v:add(1), 2, "use afterwards")
end

local function is(v)
  return function(got) equal(got, v, "value") end
end

local function is_table(got) equal(type(got) == "table" and got[1], "new", "value") end

local long = ("x"):rep(5000)
local table_of = { "new", ("y"):rep(300), { 1, 2, 3 } }

local function set(old, new, check_old, check_new, method)
  return {
    prepare = function() return { v = concur.value(old) } end,
    act = function(c)
      if method == "compare_swap" then
        assert(c.v:compare_swap(old, new) == true)
      else
        c.v[method or "set"](c.v, new)
      end
    end,
    check = function(c, done) check_value(c, done, check_old, check_new) end,
  }
end

local function thread(fn, ...)
  local args = table.pack(...)
  return {
    prepare = function() return {} end,
    act = function()
      local t = concur.spawn(fn, table.unpack(args, 1, args.n))
      local results = table.pack(t:join(20))
      if results[1] == nil then error("the thread does not end") end
      if results[1] == false then error(results[2], 0) end
      return results
    end,
    check = function(_, done, results)
      if done then equal(results[2], "result", "result") end
    end,
  }
end

local function make(kind)
  return {
    prepare = function() return {} end,
    act = function(c) c.object = concur[kind]() end,
    check = function(c, done) equal(concur.type(c.object), done and kind or nil, "object") end,
  }
end

local operations = {
  new_queue = make "queue",
  new_lock = make "lock",
  new_event = make "event",
  new_value = make "value",
  new_thread = {
    prepare = function() return {} end,
    act = function(c) c.t = concur.thread { target = print, name = ("name"):rep(20) } end,
    check = function(c, done) equal(concur.type(c.t), done and "thread" or nil, "thread") end,
  },
  new_value_of_table = {
    prepare = function() return {} end,
    act = function(c) c.v = concur.value(table_of) end,
    check = function(c, done) if done then is_table(c.v:get()) end end,
  },
  put_small = put(0, constant(42)),
  put_small_behind_others = put(200, constant(42)),
  put_until_segments_grow = {
    prepare = queue_with(0),
    act = function(c)
      while c.n < 3000 do
        assert(c.q:put(c.n + 1) == true)
        c.n = c.n + 1
      end
    end,
    check = function(c) check_queue(constant(1))(c, false) end,
  },
  put_string = put(5, constant(long)),
  put_short_string = put(5, constant(("s"):rep(40))),
  put_large = put(5, constant(("x"):rep(1 << 20))),
  put_table = put(5, constant(table_of)),
  put_large_table = put(5, (function()
    local t = {}
    for i = 1, 20000 do t[i] = { i } end
    return constant(t)
  end)()),
  put_function = put(5, constant(function() return long end)),
  put_handles = { prepare = prepare_handles, act = put(3, handles).act, check = check_queue(handles) },
  put_to_waiting_getter = {
    prepare = function()
      local q = concur.queue()
      local t = concur.spawn(function() return q:get() end)
      repeat concur.yield() until t:status() == "waiting"
      return { q = q, t = t }
    end,
    act = function(c) assert(c.q:put(table_of) == true) end,
    check = function(c, done)
      if not done then
        equal(c.t:status(), "waiting", "getter")
        c.q:put { "new" }
      end
      local ok, got = c.t:join(20) -- whose results need memory, too, perhaps while there is none
      if ok or not done or not tostring(got):find(OUT, 1, true) then is_table(got) end
    end,
  },
  get = {
    prepare = function()
      local c = queue_with(0)()
      c.q:put(table_of)
      c.q:put(c.q)
      return c
    end,
    act = function(c)
      c.got = c.q:get(0)
      c.handle = c.q:get(0)
    end,
    check = function(c, done)
      equal(done, true, "get needs no memory")
      is_table(c.got)
      equal(c.handle, c.q, "handle")
    end,
  },
  spawn = thread(function() return "result" end),
  spawn_with_large_arguments = thread(function(s, t)
    return #s == 5000 and t[1] == "new" and "result"
  end, long, table_of),
  spawn_with_large_results = thread(function() return "result", ("x"):rep(100000), { ("y"):rep(1000) } end),
  spawn_with_error = {
    prepare = function() return {} end,
    act = function()
      local t = concur.spawn(function() error { "new", ("x"):rep(1000) } end)
      local ok, err = t:join(20)
      equal(ok, false, "join")
      if type(err) ~= "table" then error(err, 0) end
      return err
    end,
    check = function(_, done, err) if done then is_table(err) end end,
  },
  start = {
    prepare = function() return { t = concur.thread(function(x) return x[1] end, table_of) } end,
    act = function(c)
      c.t:start()
      local ok, result = c.t:join(20)
      if not ok then error(result, 0) end
      equal(result, "new", "result")
    end,
    check = function() end,
  },
  join = {
    prepare = function()
      local t = concur.spawn(function() return table_of, concur.main() end)
      t:join(20)
      return { t = t }
    end,
    act = function(c) return table.pack(c.t:join(20)) end,
    check = function(c, done, results)
      if done then is_table(results[2]) end
      local ok, got = c.t:join(20)
      equal(ok, true, "join again")
      is_table(got)
    end,
  },
  set_name = {
    prepare = function() return { t = concur.thread(print) } end,
    act = function(c) c.t.name = ("long name"):rep(10) end,
    check = function(c, done) equal(c.t.name == ("long name"):rep(10), done, "name") end,
  },
  value_set_long = set(1, long, is(1), is(long)),
  value_set_table = set("old", table_of, is("old"), is_table),
  value_swap_table = set(long, table_of, is(long), is_table, "swap"),
  value_compare_swap = set("old", table_of, is("old"), is_table, "compare_swap"),
  value_compare_swap_long = set(long, table_of, is(long), is_table, "compare_swap"),
  value_set_big_integer = set(1, 1 << 62, is(1), is(1 << 62)),
  lock_and_wait = {
    prepare = function() return { lock = concur.lock(), event = concur.event(), q = concur.queue() } end,
    act = function(c)
      c.lock:acquire()
      c.lock:acquire(0.0001)
      c.event:wait(0.0001)
      c.q:get(0.0001)
      c.event:set()
      c.lock:release()
    end,
    check = function(c, done)
      equal(done, true, "waiting needs no memory")
      equal(c.lock:locked(), false, "lock")
    end,
  },
  info = {
    prepare = function() return {} end,
    act = function() return concur.info() end,
    check = function(_, _, info) if info then assert(info.objects) end end,
  },
  pack = {
    prepare = function() return {} end,
    act = function() return concur.unpack(concur.pack(table_of, long)) end,
    check = function(_, done, got) if done then is_table(got) end end,
  },
}

-- ==} {== the walk

-- One try, in a function of its own, so that no register keeps a handle alive.
local function try(operation, n)
  local context = operation.prepare()
  collectgarbage()
  concur._fail_at(n)
  local ok, result = pcall(operation.act, context)
  concur._fail_at(0)
  if not ok and (type(result) ~= "string" or not result:find(OUT, 1, true)) then
    error(("allocation %d failed with: %s"):format(n, tostring(result)))
  end
  local fine, err = pcall(operation.check, context, ok, result)
  if not fine then error(("after allocation %d failed (%s): %s"):format(n, tostring(result), err)) end
  return ok
end

local function left(before, after)
  local list = {}
  for kind, count in pairs(before.objects) do
    if after.objects[kind] ~= count then
      list[#list + 1] = ("%s: %d, not %d"):format(kind, after.objects[kind], count)
    end
  end
  if after.shared_memory ~= before.shared_memory then
    list[#list + 1] = ("memory: %d, not %d"):format(after.shared_memory, before.shared_memory)
  end
  return #list > 0 and table.concat(list, "; ") or nil
end

-- What there is once ended threads have let go of theirs.
local function settled()
  local before, after
  after = live()
  repeat
    concur.sleep(0.005)
    before, after = after, live()
  until not left(before, after)
  return after
end

local function walk(operation)
  assert(try(operation, 0)) -- so that what is made once and kept is there
  local before = settled()
  for n = 1, LIMIT do
    local ok = try(operation, n)
    local deadline = concur.now() + 2
    while left(before, live()) do
      if concur.now() > deadline then
        error(("after allocation %d failed there is left: %s"):format(n, left(before, live())))
      end
      concur.sleep(0.001)
    end
    if ok then return n end
  end
  error("does not succeed with " .. LIMIT .. " allocations")
end

-- ==}

if arg and arg[0] and arg[0]:find("walk%.lua$") then
  assert(concur._fail_at, "this is no debug build of concur")
  local ok, n = xpcall(walk, debug.traceback, assert(operations[arg[1]], "no such operation"))
  print(ok and ("walked %d"):format(n) or n)
  os.exit(ok, true)
end

local names = {}
for name in pairs(operations) do names[#names + 1] = name end
table.sort(names)
return { names = names }
