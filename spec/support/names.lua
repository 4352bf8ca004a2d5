--- Names: every public name has a definition (doc/types), documentation (doc/*.md) and a spec, and nothing
-- is defined that is not there. Run by `make lint`, from the root:
--
--   lua5.4 spec/support/names.lua
--
-- prints what is missing, a line each; nothing when all is well.
package.path = "doc/manual/?.lua;" .. package.path
local definitions = require "definitions"
local public = require "spec.support.public"

local names = {}

-- {== what is looked into

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function texts(command)
  local list = {}
  local pipe <close> = assert(io.popen(command .. " | LC_ALL=C sort"))
  for path in pipe:lines() do list[path] = read(path) end
  return list
end

--- What the checks look into: `definitions` (entries), `pages` and `specs` (texts by path), `public`, `records`,
-- `takers`; `missing`: modules that cannot be loaded here.
function names.gather()
  local entries, troubles = definitions.read_all "doc/types"
  local pages = texts "ls doc/*.md"
  pages["doc/README.md"], pages["doc/design.md"] = nil, nil
  local found, missing = public.all()
  return {
    definitions = entries, wrong = troubles, pages = pages,
    specs = texts "ls spec/*_spec.lua spec/regress/*_spec.lua",
    public = found, missing = missing, records = public.records(), takers = public.takers(),
  }
end

-- ==} {== classes

-- The definitions by class: {methods=, fields=, parents=, entry=}.
local function classes_of(entries)
  local classes = {}
  local function class(name)
    classes[name] = classes[name] or {methods = {}, fields = {}, parents = {}}
    return classes[name]
  end
  for _, entry in ipairs(entries) do
    if entry.class then
      local c = class(entry.class)
      c.entry = c.entry or entry
      for _, field in ipairs(entry.fields) do c.fields[field.name] = field end
      table.move(entry.parents, 1, #entry.parents, #c.parents + 1, c.parents)
    elseif entry.name then
      class(entry.owner).methods[entry.name] = entry
    end
  end
  return classes
end

-- Calls visit(class, its name) for a class and all that it inherits from.
local function ancestry(classes, name, visit)
  local class = classes[name]
  if not class then return end
  visit(class, name)
  for _, parent in ipairs(class.parents) do ancestry(classes, parent, visit) end
end

-- The class that defines a member, of a class or what it inherits from; and the definition.
local function owner_of(classes, name, member)
  local owner, found
  ancestry(classes, name, function(class, at)
    local definition = class.methods[member] or class.fields[member]
    if definition and not owner then owner, found = at, definition end
  end)
  return owner, found
end

-- ==} {== documentation

-- Whether a text has `what`, followed by no more of a name.
local function mentions(text, what)
  local at = 1
  while true do
    local _, to = text:find(what, at, true)
    if not to then return false end
    if not text:find("^[%w_]", to + 1) then return true end
    at = to
  end
end

-- What objects are called in the pages, where that is not the last part of the class's name.
local called = {
  ["concur.handle"] = {"handle:"}, ["concur.waitable"] = {"handle:"},
  ["concur.manager_module"] = {"concur.manager."}, ["concur.async"] = {"async."},
  ["concur.manager"] = {"m:"}, ["concur.listener"] = {"server:"}, ["concur.async_program"] = {"program:"},
  ["concur.thread_class"] = {"Class:"}, ["concur.thread_constructor"] = {"concur.thread:"},
  ["concur.process_constructor"] = {"concur.process:"}, ["concur"] = {"concur."},
}

-- Functions of modules: `concur.subprocess.run`.
local function prefixes_of(owner, is_module)
  if called[owner] then return called[owner] end
  if is_module then return {owner .. "."} end
  local kind = owner:match("[^.]+$")
  return {kind .. ":", kind .. "."}
end

local function documented(pages, owner, name, is_module)
  for _, prefix in ipairs(prefixes_of(owner, is_module)) do
    for _, page in pairs(pages) do
      if mentions(page, prefix .. name) then return true end
    end
  end
  return false
end

-- ==} {== specs

-- A spec exercises a method when it makes such an object and names the method.
local makers = {
  ["concur.handle"] = "concur.lock", ["concur.waitable"] = "concur.queue", ["concur.connection"] = "concur.pipe",
  ["concur.hold"] = "concur.rwlock", ["concur.program"] = "popen", ["concur.async_program"] = "async.popen",
  ["concur.task"] = "async.spawn", ["concur.stream"] = "async.connect", ["concur.listener"] = "async.listen",
  ["concur.server"] = "manager.server", ["concur.manager"] = "manager.connect",
  ["concur.thread_class"] = "concur.thread:extend", ["concur.thread_constructor"] = "concur.thread",
  ["concur.process_constructor"] = "concur.process", ["concur.async"] = "async",
  ["concur.manager_module"] = "manager", ["concur"] = "concur",
}

local function names_member(spec, name)
  if not spec:find(name, 1, true) then return false end -- which is quicker
  return spec:find('"' .. name .. '"', 1, true) or spec:find("[.:]" .. name .. "%f[^%w_]")
end

local function exercised(specs, owner, name)
  local maker = makers[owner] or owner
  for _, spec in pairs(specs) do
    -- constructors also stand in tables of kinds
    if (spec:find(maker, 1, true) or spec:find("concur[", 1, true)) and names_member(spec, name) then return true end
  end
  return false
end

-- ==} {== the definitions themselves

local function check_entry(entry, tell)
  local what = ("%s:%d: %s"):format(entry.file, entry.line, entry.name)
  if #entry.summary == 0 then tell(what .. " has no description") end
  if #entry.examples == 0 then tell(what .. " has no example") end
  if #entry.params ~= #entry.args then tell(what .. " has other parameters than its @param lines") end
  for i, param in ipairs(entry.params) do
    if param.name ~= entry.args[i] then tell(("%s: @param %s stands in the place of %s"):format(what, param.name,
      tostring(entry.args[i]))) end
  end
end

-- ==}

-- {== what is there, and what is defined

local function is_module(thing) return type(thing.sample) == "table" and getmetatable(thing.sample) == nil end

-- Each public name has all three.
local function check_names(found, classes, thing, seen, tell)
  local module = is_module(thing)
  for name in pairs(thing.names) do
    local owner, definition = owner_of(classes, thing.class, name)
    local label = thing.class .. (module and "." or ":") .. name
    if not definition then tell(label .. " has no definition in doc/types") end
    owner = owner or thing.class
    local key = owner .. ":" .. name -- what is inherited is looked for once
    if seen[key] == nil then
      seen[key] = {page = documented(found.pages, owner, name, module), spec = exercised(found.specs, owner, name)}
    end
    if not seen[key].page then tell(label .. " is in no page of doc/") end
    if not seen[key].spec then tell(label .. " is in no spec") end
  end
end

-- And the reverse; notes in `reached` the classes that something real belongs to.
local function check_definitions(classes, thing, reached, tell)
  ancestry(classes, thing.class, function(class, at)
    reached[at] = true
    for name, entry in pairs(class.methods) do
      if not thing.names[name] then
        tell(("%s:%d: %s has no '%s'"):format(entry.file, entry.line, thing.class, name))
      end
    end
    for name in pairs(class.fields) do
      if name:find("^[%a_]") and thing.sample[name] == nil then
        tell(("%s has no field '%s'"):format(thing.class, name))
      end
    end
  end)
end

-- Classes with methods that nothing belongs to, unless a module is missing here.
local function check_reached(found, classes, reached, tell)
  if #found.missing > 0 then return end
  for name, class in pairs(classes) do
    if next(class.methods) and not reached[name] then
      tell(("%s:%d: nothing is a %s"):format(class.entry.file, class.entry.line, name))
    end
  end
end

local function check_record(classes, record, tell)
  local fields = classes[record.class] and classes[record.class].fields or {}
  for name in pairs(record.names) do
    if not fields[name] then tell(("%s: the field '%s' has no definition"):format(record.class, name)) end
  end
  for name in pairs(fields) do
    if not record.names[name] then tell(("%s: there is no field '%s'"):format(record.class, name)) end
  end
end

local function check_taker(classes, taker, tell)
  if public.takes(taker, "no_such_option") then tell(taker.class .. ": any option is taken") end
  ancestry(classes, taker.class, function(class)
    for name in pairs(class.fields) do
      if name:find("^[%a_]") and not public.takes(taker, name) then
        tell(("%s: there is no option '%s'"):format(taker.class, name))
      end
    end
  end)
end

-- ==}

--- All that is wrong with what `gather` has found: a list of lines.
function names.check(found)
  local troubles, reached, seen = {}, {}, {}
  local function tell(line) troubles[#troubles + 1] = line end
  for _, line in ipairs(found.wrong) do tell(line) end
  local classes = classes_of(found.definitions)
  for _, entry in ipairs(found.definitions) do
    if entry.name then check_entry(entry, tell) end
  end
  for _, thing in ipairs(found.public) do
    if classes[thing.class] then
      check_names(found, classes, thing, seen, tell)
      check_definitions(classes, thing, reached, tell)
    else
      tell(thing.class .. " has no class in doc/types")
    end
  end
  check_reached(found, classes, reached, tell)
  for _, record in ipairs(found.records) do check_record(classes, record, tell) end
  for _, taker in ipairs(found.takers) do check_taker(classes, taker, tell) end
  table.sort(troubles)
  return troubles
end

if arg and arg[0] and arg[0]:find("names%.lua$") then
  local found = names.gather()
  for _, module in ipairs(found.missing) do io.stderr:write(module, " cannot be loaded here, and was left out\n") end
  for _, line in ipairs(names.check(found)) do print(line) end
end

return names
