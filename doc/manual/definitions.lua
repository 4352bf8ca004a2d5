--- Definitions: reads the definition files of doc/types, whose comments are LuaCATS annotations.
--
-- What stands in them is written once and used three times: by editors, by the manual (manual.lua
-- beside this file), and by `make lint`, which compares it with what the module really has.
--
-- A comment, and the function below it, become an entry: `summary` (lines of Markdown), `raises`,
-- `examples` ({line=, text=}), `params`, `returns` and `fields` ({name=, type=, text=, optional=}),
-- `overloads`. A class, an alias and a function have `class`, `alias` or `name` set.
-- @module definitions
local definitions = {}

-- {== types

local closing = {["("] = ")", ["["] = "]", ["{"] = "}", ["<"] = ">"}

-- The type that a text begins with, and what follows: spaces within brackets, and around "|" and after
-- "fun(…):" and ",", belong to it.
function definitions.split_type(text)
  local depth, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    if c == '"' then
      at = text:find('"', at + 1, true) or #text
    elseif closing[c] then
      depth[#depth + 1] = closing[c]
    elseif c == depth[#depth] then
      depth[#depth] = nil
    elseif c == " " and #depth == 0 then
      local before, after = text:sub(at - 1, at - 1), text:sub(at + 1, at + 1)
      if before ~= ":" and before ~= "|" and before ~= "," and after ~= "|" then break end
    end
    at = at + 1
  end
  return text:sub(1, at - 1), (text:sub(at + 1):gsub("^%s+", ""))
end

local function named(text)
  local name, optional, rest = text:match("^([%w_.]+)(%??)%s+(.+)$")
  if not name then
    name, rest = text:match("^(%b[])%s+(.+)$")
    optional = ""
  end
  if not name then return nil end
  local kind, words = definitions.split_type(rest)
  return {name = name, type = kind, text = words, optional = optional == "?"}
end

local function returned(text)
  local kind, rest = definitions.split_type(text)
  local name, words = rest:match("^([%w_.]+)%s*(.*)$")
  local optional = kind:sub(-1) == "?"
  if kind == "nil" then name, words = nil, rest end
  return {type = kind, name = name, text = words or "", optional = optional}
end

-- ==} {== comments

local tags = {}

function tags.meta(entry, text) entry.meta = text end

function tags.class(entry, text)
  local name, parents = text:match("^([%w_.]+)%s*:?%s*(.*)$")
  entry.class, entry.parents = name, {}
  for parent in parents:gmatch("[%w_.]+") do entry.parents[#entry.parents + 1] = parent end
end

function tags.alias(entry, text)
  entry.alias, entry.type = text:match("^([%w_.]+)%s+(.+)$")
end

local function add_to(list, read)
  return function(entry, text, complain)
    local item = read(text)
    if item then entry[list][#entry[list] + 1] = item else complain("cannot be understood: " .. text) end
  end
end

tags.field = add_to("fields", named)
tags.param = add_to("params", named)
tags["return"] = add_to("returns", returned)
tags.overload = add_to("overloads", function(text) return text end)
tags.operator = add_to("operators", function(text) return text end)

local function new_entry(file, line)
  return {file = file, line = line, summary = {}, examples = {}, fields = {}, params = {}, returns = {},
          overloads = {}, operators = {}}
end

-- Text goes to the summary; from a line that begins with "Raises:" on to `raises`; a fenced block is an example.
local function add_text(entry, text, line)
  if entry.example then
    if text == "```" then
      entry.example.text = table.concat(entry.example, "\n") .. "\n"
      entry.examples[#entry.examples + 1], entry.example = entry.example, nil
    else
      entry.example[#entry.example + 1] = text
    end
  elseif text == "```lua" then
    entry.example = {line = line + 1}
  elseif text:find("^Raises: ") then
    entry.raises = text:match("^Raises: (.*)$")
  elseif entry.raises and text ~= "" then
    entry.raises = entry.raises .. " " .. text
  elseif text ~= "" or #entry.summary > 0 then
    entry.summary[#entry.summary + 1] = text
  end
end

-- ==}

--- Reads one file. Returns the list of its entries, the text at its head, and a list of what is wrong in it.
function definitions.read(path, text)
  if not text then
    local file <close> = assert(io.open(path, "rb"))
    text = file:read("a")
  end
  local entries, troubles, variables, head = {}, {}, {}, {}
  local entry, last_class, number = nil, nil, 0
  local function complain(what) troubles[#troubles + 1] = ("%s:%d: %s"):format(path, number, what) end
  local function close()
    if entry and (entry.class or entry.alias) then entries[#entries + 1] = entry end
    if entry and entry.class then last_class = entry.class end
    if entry and entry.example then complain "an example has no end" end
    entry = nil
  end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local tag, rest = line:match("^%-%-%-@(%w+)%s*(.*)$")
    local comment = line:match("^%-%-%-$") and "" or line:match("^%-%-%- (.*)$")
    local variable = line:match("^local ([%w_]+) = {}")
    local owner, separator, name, args = line:match("^function ([%w_]+)([.:])([%w_]+)%((.-)%) end$")
    if tag then
      entry = entry or new_entry(path, number)
      if tags[tag] then tags[tag](entry, rest, complain) else complain("an unknown tag: " .. tag) end
    elseif comment then
      entry = entry or new_entry(path, number)
      add_text(entry, comment, number)
    elseif variable then
      close()
      variables[variable] = last_class
    elseif name then
      entry = entry or new_entry(path, number)
      entry.owner, entry.separator, entry.name, entry.line = variables[owner], separator, name, number
      entry.args = {}
      for arg in args:gmatch("[%w_.]+") do entry.args[#entry.args + 1] = arg end
      if not entry.owner then complain(owner .. " is of no class") end
      entry.variable = owner
      entries[#entries + 1], entry = entry, nil
    else
      close()
      if #entries == 0 and line:find("^%-%- ") then head[#head + 1] = line:sub(4) end
      if not (line == "" or line:find("^%-%- ") or line:find("^return ")) then complain("a stray line: " .. line) end
    end
    if utf8.len(line) == nil or utf8.len(line) > 120 then complain "longer than 120 characters, or not UTF-8" end
  end
  close()
  return entries, table.concat(head, " "), troubles
end

--- The definition files, sorted.
function definitions.files(directory)
  local list = {}
  local pipe <close> = assert(io.popen(("find '%s' -name '*.lua' | LC_ALL=C sort"):format(directory)))
  for path in pipe:lines() do list[#list + 1] = path end
  return list
end

--- All entries of all files of a directory, and what is wrong in them.
function definitions.read_all(directory)
  local all, troubles = {}, {}
  for _, path in ipairs(definitions.files(directory)) do
    local entries, _, wrong = definitions.read(path)
    table.move(entries, 1, #entries, #all + 1, all)
    table.move(wrong, 1, #wrong, #troubles + 1, troubles)
  end
  return all, troubles
end

return definitions
