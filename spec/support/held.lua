--- Held: no call into Lua while an internal lock is held, since a Lua error would jump over the unlock.
-- Run by `make lint`, from the root:
--
--   lua5.4 spec/support/held.lua [files…]
--
-- prints what it finds, a line each. It reads the C files as text: in each function it follows cc_guard_lock and
-- cc_guard_unlock through the blocks, and complains of calls, in between, of Lua's functions and of our own
-- that come to call one. A block that ends with return, break, continue or goto leaves what follows as it was
-- before. Calls through pointers it cannot see.
local held = {}

local jumps = {["return"] = true, ["break"] = true, ["continue"] = true, ["goto"] = true}
local words = {["if"] = true, ["while"] = true, ["for"] = true, ["switch"] = true, ["sizeof"] = true}

-- Comments, strings and lines for the preprocessor become spaces; lines stay where they are.
local function bare(text)
  local function blank(s) return (s:gsub("[^\n]", " ")) end
  text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
  text = text:gsub('\\"', "  "):gsub('"[^"\n]*"', blank):gsub("'[^'\n]*'", blank)
  local lines, continued = {}, false
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    local directive = continued or line:find("^%s*#")
    continued = directive and line:find("\\$")
    lines[#lines + 1] = directive and "" or line
  end
  return table.concat(lines, "\n")
end

-- The functions that a file defines: {name=, static=, line=, body=}.
local function functions_of(text)
  local list = {}
  for at, head, body in text:gmatch("()\n([%a_][^;{}=]-%b())%s*(%b{})") do
    local name = head:match("([%w_]+)%s*%b()$")
    if name and not head:find("^struct") and not head:find("^typedef") then
      local _, line = text:sub(1, at + #head):gsub("\n", "")
      list[#list + 1] = {name = name, static = head:find("^static") ~= nil, line = line, body = body}
    end
  end
  return list
end

--- Reads files: path → list of functions. `texts` (path → text) stands in for what is on disk.
function held.read(paths, texts)
  local files = {}
  for _, path in ipairs(paths) do
    local text = texts and texts[path]
    if not text then
      local file <close> = assert(io.open(path, "rb"))
      text = file:read("a")
    end
    files[path] = functions_of("\n" .. bare(text))
  end
  return files
end

-- Calls visit(name) for each call in a body.
local function each_call(body, visit)
  for name in body:gmatch("([%a_][%w_]*)%s*%(") do
    if not words[name] then visit(name) end
  end
end

-- Setting a hook is safe at any time, and raises nothing.
local function is_lua(name) return (name:find("^lua_") or name:find("^luaL_")) and name ~= "lua_sethook" end

-- Which functions come to call Lua's: `external` by name, `static` by path and name.
local function callers(files)
  local external, static, changed = {}, {}, true
  for path in pairs(files) do static[path] = {} end
  while changed do
    changed = false
    for path, list in pairs(files) do
      for _, fn in ipairs(list) do
        local set = fn.static and static[path] or external
        if not set[fn.name] then
          each_call(fn.body, function(name)
            if is_lua(name) or static[path][name] or external[name] then set[fn.name] = true end
          end)
          changed = changed or set[fn.name] or false
        end
      end
    end
  end
  return external, static
end

local function copy(state)
  local new = {}
  for lock in pairs(state) do new[lock] = true end
  return new
end

-- A walk through a body: `state` is the set of locks held, `stack` what it was where the open blocks began, `ended`
-- whether the last statement was a jump.
local Walk = {}
Walk.__index = Walk

function Walk:punctuation(c)
  if c == "\n" then
    self.line = self.line + 1
  elseif c == ";" then
    self.ended, self.jumps = self.jumps, false
  elseif c == "{" then
    self.stack[#self.stack + 1] = copy(self.state)
    self.ended, self.jumps = false, false
  elseif c == "}" then
    local before = table.remove(self.stack)
    if self.ended and #self.stack > 0 then self.state = before end
    if #self.stack > 0 then self.ended = false end
  end
end

function Walk:word(word, arguments)
  if jumps[word] then
    self.jumps = true
  elseif not arguments then
    return
  elseif word == "cc_guard_lock" then
    self.state[arguments:match("^%(%s*([^,]+)")] = true
  elseif word == "cc_guard_unlock" then
    self.state[arguments:match("^%(%s*(.-)%s*%)$")] = nil
  elseif next(self.state) and self.calls_lua(word) then
    self.tell(self.line, ("%s calls %s while it holds %s"):format(self.name, word, (next(self.state))))
  end
end

-- Follows a body; complains by tell(line, what).
local function follow(fn, calls_lua, tell, complete)
  local walk = setmetatable({
    stack = {}, state = {}, line = fn.line, name = fn.name, calls_lua = calls_lua, tell = tell,
  }, Walk)
  local from = 1
  while true do
    local at = fn.body:find("[%a_{}\n;]", from)
    if not at then break end
    local word, stop = fn.body:match("^([%a_][%w_]*)()", at)
    if word then
      walk:word(word, fn.body:match("^%s*(%b())", stop))
      from = stop
    else
      walk:punctuation(fn.body:sub(at, at))
      from = at + 1
    end
  end
  if complete and next(walk.state) and not walk.ended then
    tell(walk.line, ("%s ends and holds %s"):format(fn.name, (next(walk.state))))
  end
end

--- What is wrong in files that `held.read` has read: a list of lines.
function held.check(files)
  local troubles = {}
  local external, static = callers(files)
  for path, list in pairs(files) do
    local function calls_lua(name) return is_lua(name) or static[path][name] or external[name] end
    for _, fn in ipairs(list) do
      -- core never sees Lua, and has sections that go over several functions
      local complete = not path:find("^csrc/core/")
      follow(fn, calls_lua, function(line, what)
        troubles[#troubles + 1] = ("%s:%d: %s"):format(path, line, what)
      end, complete)
    end
  end
  table.sort(troubles)
  return troubles
end

if arg and arg[0] and arg[0]:find("held%.lua$") then
  local paths = {table.unpack(arg)}
  if #paths == 0 then
    local pipe <close> = assert(io.popen("ls csrc/*/*.c csrc/*/*.h"))
    for path in pipe:lines() do paths[#paths + 1] = path end
  end
  for _, line in ipairs(held.check(held.read(paths))) do print(line) end
end

return held
