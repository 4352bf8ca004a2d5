-- The check that every public name has a definition, documentation and a spec (`make lint`) can fail.
local names = require "spec.support.names"

local found = names.gather()

-- What the check says when one thing is other than it is. Options are tried only where that is what it is about.
local function said(changes)
  local other = {}
  for key, value in pairs(found) do other[key] = value end
  if next(changes) then other.takers = {} end
  for key, value in pairs(changes) do other[key] = value end
  return table.concat(names.check(other), "\n")
end

local function copy(list)
  return table.move(list, 1, #list, 1, {})
end

-- The definitions without one function; or with `with` besides.
local function definitions(class, name, with)
  local list = copy(found.definitions)
  for i = #list, 1, -1 do
    if list[i].owner == class and list[i].name == name then table.remove(list, i) end
  end
  list[#list + 1] = with
  return list
end

local function has(what, text)
  if not text:find(what, 1, true) then error(("%q is not in %q"):format(what, text), 2) end
end

describe("the check of public names", function()
  it("finds nothing", function() assert.equal("", said {}) end)

  it("looks at all kinds of objects", function()
    local classes = {}
    for _, thing in ipairs(found.public) do classes[thing.class] = true end
    for _, kind in ipairs {"lock", "queue", "thread", "process", "hold", "program", "future", "dict", "connection"} do
      assert(classes["concur." .. kind], kind)
    end
    assert(#found.public > 30)
  end)

  it("misses a definition", function()
    has("concur.lock:owner has no definition", said {definitions = definitions("concur.lock", "owner")})
    has("concur.queue:id has no definition", said {definitions = definitions("concur.handle", "id")})
    has("concur.now has no definition", said {definitions = definitions("concur", "now")})
  end)

  it("misses a description, an example, a parameter", function()
    local bare = {file = "f", line = 1, owner = "concur.lock", name = "owner", args = {"x"}, summary = {},
                  examples = {}, params = {}, returns = {}}
    local text = said {definitions = definitions("concur.lock", "owner", bare)}
    has("f:1: owner has no description", text)
    has("f:1: owner has no example", text)
    has("f:1: owner has other parameters", text)
  end)

  it("finds a definition of what is not there", function()
    local ghost = {file = "f", line = 1, owner = "concur.lock", name = "haunt", args = {}, summary = {"Boo."},
                   examples = {{}}, params = {}, returns = {}}
    has("f:1: concur.lock has no 'haunt'", said {definitions = definitions("concur.lock", "none", ghost)})
    local class = {file = "f", line = 1, class = "concur.ghost", parents = {}, fields = {}}
    local list = definitions("concur.lock", "none", class)
    list[#list + 1] = {file = "f", line = 2, owner = "concur.ghost", name = "haunt", args = {}, summary = {"Boo."},
                       examples = {{}}, params = {}, returns = {}}
    if #found.missing == 0 then has("nothing is a concur.ghost", said {definitions = list}) end
  end)

  it("finds fields and options of what is not there", function()
    local function with_field(class)
      return definitions("", "", {file = "f", line = 1, class = class, parents = {}, fields = {{name = "ghost"}}})
    end
    has("concur.thread has no field 'ghost'", said {definitions = with_field "concur.thread"})
    has("concur.info: there is no field 'ghost'", said {definitions = with_field "concur.info"})
    local takers = found.takers
    has("concur.pool_options: there is no option 'ghost'",
      said {definitions = with_field "concur.pool_options", takers = takers})
  end)

  it("misses documentation and specs", function()
    has("concur.lock:owner is in no page", said {pages = {}})
    has("concur.lock:owner is in no spec", said {specs = {}})
    has("concur.now is in no page", said {pages = {["doc/lock.md"] = found.pages["doc/lock.md"]}})
  end)
end)

describe("the reader of definitions", function()
  local read = require "definitions".read

  it("tells what it cannot understand", function()
    local _, _, troubles = read("f", "---@class c\nlocal c = {}\n---@unknown x\nfunction c:f() end\nx = 1\n")
    has("f:3: an unknown tag: unknown", table.concat(troubles, "\n"))
    has("f:5: a stray line", table.concat(troubles, "\n"))
    _, _, troubles = read("f", "--- Text.\n--- ```lua\n--- x\nfunction c:f() end\n")
    has("c is of no class", table.concat(troubles, "\n"))
    _, _, troubles = read("f", ("-"):rep(121) .. "\n")
    has("longer than 120", table.concat(troubles, "\n"))
  end)

  it("understands types", function()
    local split = require "definitions".split_type
    for text, want in pairs {
      ["string? why not"] = "string?|why not", ['"a b"|nil x'] = '"a b"|nil|x',
      ["fun(a: b): c, d x"] = "fun(a: b): c, d|x",
      ["{ a: b }[] x"] = "{ a: b }[]|x", ["any ..."] = "any|...", ["table<a, b> text, more"] = "table<a, b>|text, more",
    } do
      local kind, rest = split(text)
      assert.equal(want, kind .. "|" .. rest)
    end
  end)
end)
