--- The live objects as specs count them.
--
-- A join returns a moment before the worker lets go of the thread, and with it of what the thread's
-- results hold. So a count right after a join may still have them, and a later one not.
local concur = require "concur"

local counts = {}

--- Seconds after which a wait for a count has failed.
local PATIENCE = 20

local function collected()
  collectgarbage()
  collectgarbage()
  return concur.info()
end

local function changes(before, now)
  local list = {}
  for kind, n in pairs(now) do
    if n ~= (before[kind] or 0) then list[#list + 1] = ("%s %d, not %d"):format(kind, n, before[kind] or 0) end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

--- The live objects by kind, once nothing more is being let go of: each thread and timer that
-- is there is alive, and nothing changes. Fails while the spec itself holds ones that are not.
function counts.live()
  local deadline = concur.now() + PATIENCE
  local before, now, exact
  repeat
    if concur.now() > deadline then
      error(("%d threads alive, but %d threads and %d timers are there"):format(now.threads, now.objects.thread,
        now.objects.timer), 2)
    end
    concur.sleep(0.003)
    before, now = exact and now, collected()
    exact = now.objects.thread + now.objects.timer == now.threads
  until before and exact and changes(before.objects, now.objects) == ""
  return now.objects
end

--- The live objects must become what they were.
function counts.settled(before)
  local deadline = concur.now() + PATIENCE
  local difference
  repeat
    difference = changes(before, collected().objects)
    if difference == "" then return end
    concur.sleep(0.002)
  until concur.now() > deadline
  error("live objects: " .. difference, 2)
end

return counts
