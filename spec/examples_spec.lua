-- The index of the examples is complete: it names every example of the documents, and every script that there is.
require "concur" -- in builds for a sanitizer it keeps the runtime from shells, which would crash
local index = require "spec.support.index"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function lines_of(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

-- How many examples the documents have of each kind: T01 to T19, and so on. A row may have several scripts, and a
-- script several rows.
local kinds = {
  T = 19, L = 26, C = 19, E = 15, S = 9, B = 3, Q = 21, TL = 7, P = 5, PR = 7, PI = 1, SD = 3, M = 2, A = 2, CMP = 4,
  G = 4,
}
local total = 147

-- How many figures they state.
local figures = 40

-- How many concepts they describe: K001 to K138.
local concepts = 138

local function name(kind, number) return ("%s%02d"):format(kind, number) end

-- The single example of its kind that has a script for threads and one for processes.
local twice = { PI01 = true }

local function fail_unless_empty(list, what)
  table.sort(list)
  if #list > 0 then error(what .. ": " .. table.concat(list, ", "), 0) end
end

describe("examples/README.md", function()
  local entries = index.read()
  local scripts, counts = {}, {}
  for _, entry in ipairs(entries) do
    scripts[entry.file] = (scripts[entry.file] or 0) + 1
    for _, row in ipairs(entry.rows) do counts[row] = (counts[row] or 0) + 1 end
  end

  it("has every example of the documents, once", function()
    local missing, repeated, n = {}, {}, 0
    for kind, last in pairs(kinds) do
      for number = 1, last do
        local row = name(kind, number)
        n = n + 1
        if not counts[row] then missing[#missing + 1] = row end
        if counts[row] and counts[row] > 1 and not twice[row] then repeated[#repeated + 1] = row end
      end
    end
    assert.equal(total, n)
    fail_unless_empty(missing, "rows without a script")
    fail_unless_empty(repeated, "rows named more than once")
  end)

  it("has no rows that there are not", function()
    local strange = {}
    for row in pairs(counts) do
      local kind, number = row:match "^(%u+)(%d+)$"
      local last = kind == "K" and concepts or kinds[kind]
      local format = kind == "K" and "K%03d" or kind and kind .. "%02d"
      if not last or tonumber(number) < 1 or tonumber(number) > last or row ~= format:format(number) then
        strange[#strange + 1] = row
      end
    end
    fail_unless_empty(strange, "unknown rows")
  end)

  it("names every script once, and no others", function()
    local trouble, existing = {}, {}
    for _, file in ipairs(lines_of "find examples -name lib -prune -o -name '*.lua' -print -o -name '*.c' -print") do
      existing[file] = true
      if scripts[file] ~= 1 then trouble[#trouble + 1] = file end
    end
    for file in pairs(scripts) do
      if not existing[file] then trouble[#trouble + 1] = file end
    end
    fail_unless_empty(trouble, "scripts that are not there, or not named exactly once")
  end)

  it("has scripts that begin by saying what they show, and assert it", function()
    local trouble = {}
    for _, entry in ipairs(entries) do
      local text = read(entry.file)
      local begins = text:find "^%-%- %u" or text:find "^/%*\n%*%* %u"
      if not begins or not text:find "assert[%s(]" and entry.file ~= "examples/word_count.lua" then
        trouble[#trouble + 1] = entry.file
      end
    end
    fail_unless_empty(trouble, "scripts without a comment at the top, or without an assertion")
  end)
end)

describe("doc/concepts.md", function()
  local text = read "doc/concepts.md"
  local prose, list = text:match "^(.*)\n## Where each concept is\n(.*)$"

  -- "K062–K065" counts for all four.
  local explained = {}
  for first, last in prose:gmatch "K(%d%d%d)–K(%d%d%d)" do
    for number = tonumber(first), tonumber(last) do explained[number] = true end
  end
  for number in prose:gmatch "K(%d%d%d)" do explained[tonumber(number)] = true end

  it("explains every concept of the documents", function()
    local missing = {}
    for number = 1, concepts do
      if not explained[number] then missing[#missing + 1] = ("K%03d"):format(number) end
    end
    fail_unless_empty(missing, "not explained")
  end)

  it("lists them in order, with where they are", function()
    local number = 0
    for row, where in list:gmatch "\n| K(%d%d%d) | [^|]+ | %b[]%((#[%w-]+)%) |" do
      number = number + 1
      assert.equal(number, tonumber(row))
      assert(#where > 1)
    end
    assert.equal(concepts, number)
  end)
end)

describe("bench/figures/rows.lua", function()
  local rows = dofile "bench/figures/rows.lua"

  it("has every figure of the documents", function() assert.equal(figures, #rows) end)

  it("reads examples that there are", function()
    local trouble = {}
    for _, row in ipairs(rows) do
      for _, script in ipairs(row.scripts) do
        local file = io.open(("examples/%s.lua"):format(script))
        if file then file:close() else trouble[#trouble + 1] = script end
      end
    end
    fail_unless_empty(trouble, "no such scripts")
  end)
end)
