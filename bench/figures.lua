-- The figures of the documents beside ours: `make figures [SCALE=0.1]`
--
-- The documents that concur was made after state numbers: results of runs in Python, and
-- times. Each row of the table has what they say, what the same program gives here, and the
-- relation that must hold: times differ from machine to machine, relations do not. The
-- programs are the examples, and what they print is read; rows are in bench/figures/rows.lua.
--
--   lua5.4 bench/figures.lua [--scale=0.1] [--build=DIR] [--lua=COMMAND] [--timeout=S] [numbers…]
--
-- `scale` shortens pauses, which are what most of the time would be spent on; counts are
-- those of the documents. Times that consist of pauses are divided by it. Where a relation
-- does not hold, a run is repeated, twice at most: other programs may have had the
-- processors ("busy": so it was, and the relation could not be tried). Exits with 1 when a
-- relation fails.

package.path = "spec/support/?.lua;bench/figures/?.lua;" .. package.path
local jobs = require "jobs"
local rows = require "rows"

local options, wanted = jobs.options(arg, { scale = "0.1", build = "build", lua = arg[-1], timeout = 120 })
local scale = math.max(tonumber(options.scale) or 0.1, 0.04) -- what the examples make of it
local processors = tonumber(jobs.lines("nproc")[1])
local environment = jobs.environment(options)

-- Runs an example. Its output; or nil and what went wrong.
local function run(script, factor)
  local pipe = io.popen(("%s CONCUR_EX_SCALE=%g timeout -k 5 %s %s examples/%s.lua 2>&1 </dev/null"):format(
    environment, factor, options.timeout, options.lua, script))
  local output = pipe:read "a"
  local ok, how, code = pipe:close()
  if ok then return output end
  return nil, ("%s ended with %s %d\n%s"):format(script, how, code, output)
end

-- Scripts serve several rows; a row that tries again runs them again.
local outputs = {}
local function output_of(script, factor, fresh)
  if fresh or not outputs[script] then
    local output, trouble = run(script, factor)
    if not output then return nil, trouble end
    outputs[script] = output
  end
  return outputs[script]
end

-- What a row reads besides the outputs.
local context = {
  processors = processors,
  scale = scale,
  pause = function(seconds) return math.max(seconds * scale, 0.02) end,
}

-- One try of a row: what to show, and whether the relation holds; or nil and the trouble.
local function try(row, fresh)
  local texts = {}
  for i, script in ipairs(row.scripts) do
    local output, trouble = output_of(script, row.pauses and scale or 1, fresh)
    if not output then return nil, trouble end
    texts[i] = output
  end
  context.fresh = function(i) return output_of(row.scripts[i], row.pauses and scale or 1, true) end
  local ok, here, holds = pcall(row.read, context, table.unpack(texts))
  if not ok then return nil, ("cannot read what %s prints: %s"):format(table.concat(row.scripts, ", "), here) end
  return here, holds
end

local function width(text) return utf8.len(text) or #text end

local function pad(text, to) return text .. (" "):rep(to - width(text)) end

local function print_line(number, what, stated, here, factor, relation, verdict)
  local line = ("%2s  %s  %s  %s  %-5s  %s  %s"):format(number, pad(what, 38), pad(stated, 37), pad(here, 37), factor,
    pad(relation, 37), verdict)
  print((line:gsub("%s+$", "")))
end

local chosen = {}
for _, word in ipairs(wanted) do chosen[tonumber(word) or word] = true end

print(("%s, %d processors; pauses × %g"):format(jobs.lines("uname -srm")[1], processors, scale))
print_line("", "what", "the documents", "here", "scale", "relation", "")
local verdicts = { ok = 0, busy = 0, FAILED = 0 }
for number, row in ipairs(rows) do
  if #wanted == 0 or chosen[number] then
    local here, holds
    for attempt = 1, 3 do
      here, holds = try(row, attempt > 1)
      if here and holds == true then break end
    end
    local verdict = here and (holds == true and "ok" or holds == "busy" and "busy") or "FAILED"
    verdicts[verdict] = verdicts[verdict] + 1
    print_line(number, row.what, row.stated, here or "-", row.pauses and ("%g"):format(scale) or "1", row.relation,
      verdict)
    if not here then
      for line in holds:gmatch "[^\n]+" do print("    | " .. line) end
    end
  end
end
print(("figures: %d relations hold, %d could not be tried, %d fail"):format(
  verdicts.ok, verdicts.busy, verdicts.FAILED))
os.exit(verdicts.FAILED == 0)
