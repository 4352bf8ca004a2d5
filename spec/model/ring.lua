-- luacheck: globals concur WAY THREADS SECONDS
-- A token goes round among THREADS threads for SECONDS; all but its holder wait without a
-- timeout, main included, so that at each moment one wake-up is all that is between them and a
-- deadlock. At times the holder keeps the token for long enough that somebody looks closely.
-- The scripts of spec/deadlock_spec.lua and spec/stress/deadlock_spec.lua: the locals WAY, THREADS and
-- SECONDS stand before it.
local common, finish = concur.rwlock(), concur.now() + SECONDS
local ways = {
  queue = { concur.queue, function(o) o:get() end, function(o) o:put(1) end },
  ["full queue"] = { function()
    local q = concur.queue(1)
    q:put(0)
    return q
  end, function(o) o:put(1) end, function(o) o:get() end },
  event = { concur.event, function(o)
    o:wait()
    o:clear()
  end, function(o) o:set() end },
  condition = { function() return { c = concur.condition(), told = concur.value(false) } end, function(o)
    local held <close> = o.c:acquire()
    while not o.told:get() do o.c:wait() end
    o.told:set(false)
    held:release()
  end, function(o)
    local held <close> = o.c:acquire()
    o.told:set(true)
    o.c:notify()
    held:release()
  end },
  semaphore = { function() return concur.semaphore(0) end, function(o) o:acquire() end, function(o) o:release() end },
  lock = { function() return concur.lock():acquire() end, function(o) o:acquire() end, function(o) o:release() end },
  rwlock = { concur.event, function(o)
    o:wait()
    o:clear()
    local hold <close> = common:read()
    hold:release()
  end, function(o)
    local hold <close> = common:write()
    o:set()
    hold:release()
  end },
}
local make, wait, signal = table.unpack(ways[WAY])
local places, list = {}, {}
for i = 1, THREADS do places[i] = make() end
local stop, rounds = concur.value(false), concur.value(0)

for i = 1, THREADS do
  list[i] = concur.spawn(function()
    math.randomseed(os.time(), i)
    while true do
      wait(places[i])
      if stop:get() then return end
      rounds:add(1)
      if math.random(60) == 1 then
        local till = concur.now() + math.random() * 0.05
        while concur.now() < till do end
      end
      if concur.now() > finish then
        stop:set(true)
        for k = 1, THREADS do if k ~= i then signal(places[k]) end end
        return
      end
      local next_one = math.random(THREADS - 1)
      signal(places[next_one < i and next_one or next_one + 1])
    end
  end)
end
signal(places[1])
for _, t in ipairs(list) do
  local ok, err = t:join()
  if not ok then error(err, 0) end
end
assert(rounds:get() > THREADS)
print "ok"
