--- Runs the ```lua blocks of a page of documentation, each in an interpreter of its own.
--
-- A block must end with status 0 within the time limit, write nothing to stderr, and print
-- exactly what its `-->` comments say, in order, one comment for each line:
--
--   print(1, "a")   --> 1  a
--   print(queue)    --> concur.queue: … (0/3)
--
-- In a comment, … stands for any text and spacing does not count. A block whose first line is
-- a file name alone, such as `-- point.lua`, is not run but saved under that name for the later
-- blocks of the page.
require "concur" -- in builds for a sanitizer it keeps the runtime from shells, which would crash

local blocks = {}

--- Seconds that a block may take.
blocks.TIMEOUT = 20

local function quote(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

--- The blocks of a page: `{line=, text=, file=}`; `line` is that of the first line of code. In a file of definitions
-- (doc/types), where they stand in comments, they begin where `concur` is known.
function blocks.of(page)
  local list, block, number = {}, nil, 0
  local commented = page:find("%.lua$")
  for line in (read(page) .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    if commented then line = line:match("^%-%-%- ?(.*)$") or "" end
    if block and line == "```" then
      block.text = table.concat(block, "\n") .. "\n"
      if commented then block.text = 'local concur = require "concur"; ' .. block.text end
      block.file = block.text:match("^%-%- ([%w_]+%.lua)\n")
      list[#list + 1], block = block, nil
    elseif block then
      block[#block + 1] = line
    elseif line == "```lua" then
      block = {line = number + 1}
    end
  end
  if block then error(("%s:%d: the block has no end"):format(page, block.line)) end
  return list
end

--- The lines that a block says it prints.
function blocks.expected(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    local mark = line:match("%-%-> ?(.*)$")
    if mark then list[#list + 1] = mark end
  end
  return list
end

local function normal(line) return (line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")) end

local function matches(line, mark)
  local pattern = normal(mark):gsub("%p", "%%%0"):gsub("…", ".*")
  return normal(line):find("^" .. pattern .. "$") ~= nil
end

local function difference(output, marks)
  local n = 0
  if output ~= "" and output:sub(-1) ~= "\n" then output = output .. "\n" end
  for line in output:gmatch("([^\n]*)\n") do
    n = n + 1
    if not marks[n] then return ("printed more than it says: %s"):format(line) end
    if not matches(line, marks[n]) then return ("printed: %s\n  where it says: %s"):format(line, marks[n]) end
  end
  if n < #marks then return ("did not print: %s"):format(marks[n + 1]) end
end

--- Runs a block in the directory `where`; nil, or a text that says what is wrong. `page` and
-- `line` are for messages: errors in the block name the lines of the page.
function blocks.run(text, where, page, line)
  local name = page:gsub("/", "-")
  write(where .. "/" .. name, ("\n"):rep(line - 1) .. text)
  local command = ("cd %s && timeout -k 5 %d %s %s >out 2>err </dev/null"):format(
    quote(where), blocks.TIMEOUT, os.getenv("LUA") or "lua5.4", quote(name))
  local _, how, code = os.execute(command)
  local output, errors = read(where .. "/out"), read(where .. "/err")
  local trouble
  if code == 124 or code == 137 then
    trouble = ("took longer than %d s"):format(blocks.TIMEOUT)
  elseif code ~= 0 then
    trouble = ("ended with %s %d"):format(how, code)
  elseif errors ~= "" then
    trouble = "wrote to stderr"
  else
    trouble = difference(output, blocks.expected(text))
  end
  if trouble then return ("%s:%d: the block %s\n%s%s"):format(page, line, trouble, output, errors) end
end

-- The names that headings of a page can be linked by, as forges make them.
local function anchors(page)
  local set = {}
  for heading in ("\n" .. read(page)):gmatch("\n#+ ([^\n]+)") do
    set[heading:lower():gsub("[^%w%s_\x80-\xff-]", ""):gsub("%s", "-")] = true
  end
  return set
end

--- The links of a page within the repository: `{path=, anchor=}`, paths from the root.
function blocks.links(page)
  local list = {}
  local base = page:match("^(.*/)[^/]*$") or ""
  for target in read(page):gmatch("%]%(([^)%s]+)%)") do
    if not target:find("^%a+:") then
      local path, anchor = target:match("^([^#]*)#?(.*)$")
      path = path == "" and page or base .. path
      repeat
        local n
        path, n = path:gsub("[^/]+/%.%./", "", 1)
      until n == 0
      list[#list + 1] = {path = path, anchor = anchor}
    end
  end
  return list
end

--- Raises when a link of a page leads nowhere.
function blocks.check_links(page)
  for _, link in ipairs(blocks.links(page)) do
    local file = io.open(link.path)
    if not file then error(("%s links to %s, which is not there"):format(page, link.path), 0) end
    file:close()
    if link.anchor ~= "" and not anchors(link.path)[link.anchor] then
      error(("%s links to %s#%s, which has no such heading"):format(page, link.path, link.anchor), 0)
    end
  end
end

--- Calls `fn(directory)` with a fresh directory that is removed afterwards.
function blocks.with_directory(fn)
  local pipe <close> = assert(io.popen("mktemp -d"))
  local where = pipe:read("l")
  local ok, err = pcall(fn, where)
  os.execute("rm -rf " .. quote(where))
  if not ok then error(err, 0) end
end

--- Defines one test per block of a page.
function blocks.define(page)
  local list = blocks.of(page)
  for i, block in ipairs(list) do
    if not block.file then
      it(("%s:%d runs and prints what it says"):format(page, block.line), function()
        blocks.with_directory(function(where)
          for j = 1, i - 1 do
            if list[j].file then write(where .. "/" .. list[j].file, list[j].text) end
          end
          local trouble = blocks.run(block.text, where, page, block.line)
          if trouble then error(trouble, 0) end
        end)
      end)
    end
  end
  return #list
end

return blocks
