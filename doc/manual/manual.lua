--- Manual: turns the definition files and the pages of doc/ into what LDoc reads; `make doc` runs both.
--
--   lua5.4 doc/manual/manual.lua DIRECTORY
--
-- writes there config.ld, one Lua file of LDoc comments for each definition file, and a copy of each page in
-- which links lead to where LDoc puts things. LuaCATS annotations say the same as LDoc's tags in other words:
-- @param is @tparam, @return is @treturn, "Raises:" is @raise, an example is @usage, a class is @type.
package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local definitions = require "definitions"

local target = assert(arg[1], "a directory is missing")

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(target .. "/" .. path, "wb"))
  file:write(text)
end

local function lines(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

-- {== definitions

-- LDoc ends a type at the first space.
local function compact(kind) return (kind:gsub("%s+", "")) end

local function add(out, ...) out[#out + 1] = table.concat({...}):gsub("%s+$", "") end

-- A comment: the first line behind three dashes, the others behind two.
local function add_text(out, text)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    add(out, out.begun and "-- " or "--- ", line)
    out.begun = true
  end
end

local function add_tags(out, entry)
  for _, p in ipairs(entry.params) do
    if p.name == "..." then
      add(out, "-- @param ... ", p.type == "any" and "" or "(" .. p.type .. ") ", p.text)
    else
      add(out, "-- @tparam", p.optional and "[opt] " or " ", compact(p.type), " ", p.name, " ", p.text)
    end
  end
  for _, r in ipairs(entry.returns) do
    local kind = compact(r.type:gsub("%?$", ""))
    add(out, "-- @treturn ", r.optional and "?" or "", kind, " ", r.name or "", r.name and " " or "", r.text)
  end
  if entry.raises then add(out, "-- @raise ", entry.raises) end
  for _, example in ipairs(entry.examples) do
    add(out, "-- @usage")
    for line in example.text:gmatch("([^\n]*)\n") do add(out, "-- ", line) end
  end
end

local function add_function(out, entry)
  out.begun = false
  add_text(out, (table.concat(entry.summary, "\n"):gsub("%s+$", "")))
  for _, overload in ipairs(entry.overloads) do add_text(out, ("\nAlso `%s`."):format(overload)) end
  add(out, "-- @function ", entry.name)
  add_tags(out, entry)
  add(out, "")
end

local function field_list(entry)
  local list = {}
  for i, f in ipairs(entry.fields) do
    local kind, nilable = f.type:gsub("%?$", "")
    list[i] = ("\n* `%s` (%s%s) %s"):format(f.name, kind, nilable > 0 and ", or nil" or "", f.text)
  end
  return table.concat(list)
end

local function add_class(out, entry, has_methods)
  out.begun = false
  add_text(out, table.concat(entry.summary, "\n"))
  local parents = table.concat(entry.parents, "`, `")
  if parents ~= "" then add_text(out, ("\nIt has all that `%s` has."):format(parents)) end
  for _, overload in ipairs(entry.overloads) do add_text(out, ("\nCall: `%s`."):format(overload)) end
  if has_methods then
    if #entry.fields > 0 then add_text(out, "\nFields:\n" .. field_list(entry)) end
    for _, example in ipairs(entry.examples) do
      add_text(out, "\n" .. ("\n" .. example.text):gsub("\n([^\n])", "\n    %1"))
    end
    add(out, "-- @type ", entry.class)
  else
    add(out, "-- @table ", entry.class)
    for _, f in ipairs(entry.fields) do
      local optional = f.optional and ", optional" or ""
      add(out, "-- @field ", (f.name:gsub("[%[%]]", "")), " (", f.type, optional, ") ", f.text)
    end
    for _, example in ipairs(entry.examples) do
      add(out, "-- @usage")
      for line in example.text:gmatch("([^\n]*)\n") do add(out, "-- ", line) end
    end
  end
  add(out, "")
end

-- What goes into the description of the module: its head, the class of its table, and the names of types.
local function add_head(out, name, head, entries, is_module)
  out.begun = false
  local first, see = head:match("^(.-); (see .*)$") -- the index of modules shows the first sentence
  add_text(out, (first or head) .. (see and ".\n" or ""))
  if see then add_text(out, (see:gsub("^s", "S"):gsub("doc/([%w_]+%.md)", "[%1](../topics/%1.html)"))) end
  for _, entry in ipairs(entries) do
    if entry.alias then
      add_text(out, ("\n* `%s` is `%s`: %s"):format(entry.alias, entry.type, table.concat(entry.summary, " ")))
    elseif is_module[entry.class] then
      if #entry.summary > 0 then add_text(out, "\n" .. table.concat(entry.summary, "\n")) end
      if #entry.fields > 0 then add_text(out, "\n" .. field_list(entry)) end
    end
  end
  add(out, "-- @module ", name)
  add(out, "")
end

-- LDoc shows what belongs to no @type first, so functions of modules, and tables, come before classes.
local function convert(path)
  local entries, head = definitions.read(path)
  local base = path:match("([%w_]+)%.lua$")
  local name = base == "concur" and "concur" or "concur." .. base
  local out, methods, is_module = {}, {}, {concur = true}
  for _, entry in ipairs(entries) do
    if entry.separator == "." then
      is_module[entry.owner] = true
    elseif entry.name then
      methods[entry.owner] = methods[entry.owner] or {}
      table.insert(methods[entry.owner], entry)
    end
  end
  add_head(out, name, head, entries, is_module)
  for _, entry in ipairs(entries) do
    if entry.separator == "." then add_function(out, entry) end
    if entry.class and not is_module[entry.class] and not methods[entry.class] then add_class(out, entry, false) end
  end
  for _, entry in ipairs(entries) do
    if entry.class and methods[entry.class] then
      add_class(out, entry, true)
      for _, method in ipairs(methods[entry.class]) do add_function(out, method) end
    end
  end
  write(base .. ".lua", table.concat(out, "\n") .. "\n")
  return base .. ".lua"
end

-- ==} {== pages

-- The name that a heading can be linked by, as forges make it.
local function anchor(heading) return heading:lower():gsub("[^%w%s_\x80-\xff-]", ""):gsub("%s", "-") end

local topics = {}

-- Where LDoc puts what a link of a page in doc/ (or of the README) leads to; nil: nowhere.
local function destination(link)
  local path, fragment = link:match("^([^#]*)(#?.*)$")
  if link:find("^%a+:") or path == "" then return link end
  local module = path:match("types/([%w_]+)%.lua$")
  if module then return ("../modules/%s.html"):format(module == "concur" and module or "concur." .. module) end
  local page = path:match("([^/]+%.md)$")
  if page == "README.md" and path:find("^doc/") then page = "contents.md" end
  if page and topics[page] and not path:find("examples/", 1, true) then return page .. ".html" .. fragment end
end

-- Text between blocks of code: links, which may go over the end of a line, and headings.
local function convert_text(text, path)
  text = text:gsub("(%[[^%]]*)%]%(([^)%s]+)%)", function(words, link)
    if path == "doc/README.md" and link:find("^%.%./README%.md") then link = link:gsub("^%.%./", "") end
    local to = destination(link)
    return to and ("%s](%s)"):format(words, to) or words:sub(2)
  end)
  return (text:gsub("\n(##+ )([^\n]+)", function(marks, heading)
    return ('\n<a name="%s"></a>\n\n%s%s'):format(anchor(heading), marks, heading)
  end))
end

local function convert_page(path, name)
  local text = "\n" .. read(path)
  local out, at = {}, 1
  for start, stop in text:gmatch("()\n```.-\n```()") do
    out[#out + 1] = convert_text(text:sub(at, start - 1), path)
    out[#out + 1] = text:sub(start, stop - 1)
    at = stop
  end
  out[#out + 1] = convert_text(text:sub(at), path)
  write(name, table.concat(out):sub(2))
end

-- ==}

local files = {}
for i, path in ipairs(definitions.files "doc/types") do files[i] = convert(path) end

local pages = {}
for i, path in ipairs(lines "ls doc/*.md | LC_ALL=C sort") do
  local name = path:match("[^/]+$")
  pages[i] = {path = path, name = name == "README.md" and "contents.md" or name}
  topics[pages[i].name] = true
end
table.insert(pages, 1, {path = "README.md", name = "README.md"})
topics["README.md"] = true
local names = {}
for i, page in ipairs(pages) do
  convert_page(page.path, page.name)
  names[i] = page.name
end

local function list(words) return '{"' .. table.concat(words, '", "') .. '"}' end

write("config.ld", ([[
project = "concur"
title = "concur"
description = "Threads, processes and the objects they share, for Lua"
format = "discount"
no_space_before_args = true
no_lua_ref = true
sort = false
use_markdown_titles = true
topics = %s
file = %s
]]):format(list(names), list(files)))
