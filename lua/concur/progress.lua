--- Progress: what `pool:map(fn, list, {progress = true})` shows on stderr.
--
-- On a terminal a bar with the rate and the time left, which is written over and over; elsewhere one
-- plain line for each tenth, so that a log stays short. Where the number of items is not
-- known there is no bar, and a line for each power of ten.
-- @module concur.progress
local concur = require "concur"

local WIDTH = 30 -- of the bar, in characters
local PAUSE = 0.1 -- seconds between two pictures on a terminal

local function duration(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return ("%d s"):format(seconds) end
  if seconds < 3600 then return ("%d:%02d min"):format(seconds // 60, seconds % 60) end
  return ("%d:%02d h"):format(seconds // 3600, seconds % 3600 // 60)
end

local function rate(per_second)
  if per_second >= 1e6 then return ("%.1f M/s"):format(per_second / 1e6) end
  if per_second >= 1e4 then return ("%.1f k/s"):format(per_second / 1e3) end
  return ("%.3g/s"):format(per_second)
end

-- What is said of `done` of `total` (nil: unknown) items after so many seconds.
local function text_of(done, total, seconds)
  local speed = done / math.max(seconds, 1e-9)
  if not total then return ("%d, %s"):format(done, rate(speed)) end
  local share = total > 0 and done / total or 1
  local text = ("%d/%d (%d %%), %s"):format(done, total, math.floor(100 * share), rate(speed))
  if done >= total then return ("%s, %s in all"):format(text, duration(seconds)) end
  if done > 0 then text = ("%s, %s left"):format(text, duration((total - done) / speed)) end
  return text
end

local function bar(done, total)
  if not total then return "" end
  local full = total > 0 and WIDTH * done // total or WIDTH
  return ("[%s%s] "):format(("#"):rep(full), ("-"):rep(WIDTH - full))
end

--- Makes the function that a map calls as `show(done, total)`.
-- @tparam[opt] integer total the number of items
-- @tparam[opt] file out where to write; `io.stderr` if absent
-- @tparam[opt] boolean terminal whether that is a terminal; found out if absent
-- @treturn function
return function(total, out, terminal)
  local start, shown = concur.now(), -math.huge
  out = out or io.stderr
  if terminal == nil then terminal = concur._is_terminal() end

  -- Plain lines: the number from which on the next one is due.
  local due = total and math.max(1, total / 10) or 1

  local function plain(done)
    if done < due and done ~= total then return end
    if due > (total or math.huge) then return end -- the last was there
    out:write(text_of(done, total, concur.now() - start), "\n")
    if not total then
      while due <= done do due = due * 10 end
    elseif done >= total then
      due = math.huge
    else
      due = (done * 10 // total + 1) * total / 10
    end
  end

  local over = false
  local function picture(done)
    local now = concur.now()
    if over or (done ~= total and now - shown < PAUSE) then return end
    shown, over = now, done == total
    out:write("\r", bar(done, total), text_of(done, total, now - start), "\27[K", over and "\n" or "")
  end

  return terminal and picture or plain
end
