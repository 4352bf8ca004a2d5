--- Ready: waits of tasks for descriptors.
-- @module concur.async.ready
local concur = require "concur"
local loops = require "concur.async.loop"

local uv = loops.uv

local BUSY = 0.002 -- seconds after which one is looked at again that another task waits for

local function close_all(polls)
  for _, poll in ipairs(polls) do poll:close() end
end

--- Suspends the calling task until one of the descriptors is ready, at most so many seconds.
-- @tparam table list descriptors, each followed by whether it is to be written
-- @number[opt] seconds
return function(list, seconds)
  local me = loops.need_task()
  local deadline = seconds and concur.now() + seconds
  local polls <close> = setmetatable({}, {__close = close_all})
  local came = false
  for i = 1, #list, 2 do
    local poll = uv.new_poll(list[i])
    if poll then
      polls[#polls + 1] = poll
      poll:start(list[i + 1] and "w" or "r", function()
        came = true
        if me.awaits == polls then loops.wake(me) end
      end)
    else
      deadline = math.min(deadline or math.huge, concur.now() + BUSY)
    end
  end
  me.awaits = polls
  while not came and not (deadline and concur.now() >= deadline) do loops.wait(deadline) end
  me.awaits = nil
end
