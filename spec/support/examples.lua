-- Runs every example in a process of its own, with short pauses:
--
--   lua5.4 spec/support/examples.lua [options] [files…]
--     --jobs=N  --timeout=S  --build=DIR  --lua=COMMAND  --cc=COMMAND  --libs=TEXT  --results=FILE
--
-- An example passes when it ends with status 0 in time and leaves no process
-- behind; what it printed is shown only when it did not. They run in the order of the
-- index in examples/README.md, and each line begins with the rows that it gives for the
-- script. Files in a folder named `lib` are modules of examples. Those in C are compiled by
-- `cc`, with `libs` behind them, and run.

local here = arg[0]:match("^(.*)/[^/]*$")
package.path = here .. "/?.lua;" .. package.path
local jobs = require "jobs"
local index = require "index"

-- These need arguments or input, and have specs of their own.
local excluded = {
  ["examples/word_count.lua"] = true,
}

local options, files = jobs.options(arg, { jobs = 2, timeout = 60, build = "build", lua = arg[-1], results = "",
  cc = "", libs = "" })
options.jobs, options.timeout = tonumber(options.jobs), tonumber(options.timeout)

local rows_of, place = {}, {}
for i, entry in ipairs(index.read()) do
  rows_of[entry.file], place[entry.file] = entry.rows, i
end

if #files == 0 then
  local find = "find examples -name lib -prune -o -name '*.lua' -print -o -name '*.c' -print"
  for _, file in ipairs(jobs.lines(find .. " | LC_ALL=C sort")) do
    if not excluded[file] then files[#files + 1] = file end
  end
  table.sort(files, function(a, b)
    local i, k = place[a] or math.huge, place[b] or math.huge
    return i < k or i == k and a < b
  end)
end

local work = options.build .. "/examples"
os.execute("mkdir -p " .. jobs.quote(work))
local prefix = jobs.environment(options) .. " CONCUR_EX_SCALE=" .. (os.getenv("CONCUR_EX_SCALE") or "0.05")

local list = {}
for i, file in ipairs(files) do
  local base = ("%s/%s"):format(work, (file:gsub("%.%l+$", ""):gsub("[^%w_]", "-")))
  local command = ("%s %s %s"):format(prefix, options.lua, jobs.quote(file))
  if file:find "%.c$" then
    local program = jobs.quote(base .. ".program")
    local compile = ("%s -o %s %s %s"):format(options.cc, program, jobs.quote(file), options.libs)
    command = ("%s sh -c %s"):format(prefix, jobs.quote(compile .. " && exec " .. program))
  end
  list[i] = { file = file, base = base, command = command }
end

local passed, failed, rows, failed_rows = 0, 0, 0, {}
jobs.run(list, options, function(job)
  local ok = not job.trouble and not job.left
  local names = rows_of[job.file] or {}
  if ok then passed = passed + 1 else failed = failed + 1 end
  rows = rows + #names
  if not ok then table.move(names, 1, #names, #failed_rows + 1, failed_rows) end
  print(("%-6s %-15s %-52s %6.2f s"):format(ok and "ok" or "FAILED", table.concat(names, " "), job.file, job.seconds))
  if ok then return end
  for line in job.output:gmatch("[^\n]+") do print("    | " .. line) end
  if job.trouble then print("    ** " .. job.trouble) end
  if job.left then print("    ** " .. job.left) end
end)
print(("rows: %d passed, %d failed%s"):format(rows - #failed_rows, #failed_rows,
  #failed_rows > 0 and ": " .. table.concat(failed_rows, " ") or ""))
print(("examples: %d passed, %d failed"):format(passed, failed))
jobs.save(options.results, passed, failed)
os.exit(failed == 0)
