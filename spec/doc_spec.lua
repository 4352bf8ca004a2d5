-- The pages in doc/: their code does what they say, and they leave nothing out.
local blocks = require "spec.support.blocks"
local concur = require "concur"
local public = require "spec.support.public"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local pages = {}
do
  local pipe <close> = assert(io.popen("ls doc/*.md"))
  for path in pipe:lines() do pages[#pages + 1] = path end
end

describe("doc/", function()
  for _, page in ipairs(pages) do blocks.define(page) end

  it("has links that lead somewhere", function()
    for _, page in ipairs(pages) do blocks.check_links(page) end
  end)

  it("has an index of all pages", function()
    local listed = {}
    for _, link in ipairs(blocks.links("doc/README.md")) do listed[link.path] = true end
    for _, page in ipairs(pages) do
      if page ~= "doc/README.md" and not listed[page] then error("doc/README.md does not list " .. page) end
    end
  end)
end)

-- {== completeness: what the running module has is named somewhere

local text = {}
for _, page in ipairs(pages) do
  if page ~= "doc/README.md" and page ~= "doc/design.md" then text[page] = read(page) end
end

-- Whether a page has `what`, not followed by more of a name; in a page that has `about`, if given.
local function documented(what, about)
  for _, page in pairs(text) do
    if not about or page:find(about, 1, true) then
      local at = 1
      while true do
        local _, to = page:find(what, at, true)
        if not to then break end
        if not page:find("^[%w_]", to + 1) then return true end
        at = to
      end
    end
  end
  return false
end

-- Kinds that share the page and the methods of another.
local like = {bounded_semaphore = "semaphore", lifo = "queue", priority_queue = "queue", pipe = "connection"}

-- Kinds whose page is that of another.
local page_of = {bounded_semaphore = "semaphore", connection = "pipe"}

-- Whether a method has a heading in a page about its kind; what all handles have is described once.
local function described(method, kind)
  if documented("handle:" .. method) then return true end
  local about, what = "concur." .. kind, (like[kind] or kind) .. ":" .. method .. "("
  for _, page in pairs(text) do
    if page:find(about, 1, true) then
      for heading in ("\n" .. page):gmatch("\n#+ ([^\n]+)") do
        if heading:find(what, 1, true) then return true end
      end
    end
  end
  return false
end

local function check(list)
  table.sort(list)
  if #list > 0 then error("not in any page: " .. table.concat(list, ", ")) end
end

-- What spec/support/names.lua, which `make lint` runs, leaves out: that methods have headings, kinds have pages.
local things = public.all()
local handles = {}
for _, kind in ipairs(public.kinds()) do handles["concur." .. kind] = kind end

describe("the documentation", function()
  it("names every method of every kind of handle", function()
    local missing, kinds = {}, 0
    for _, thing in ipairs(things) do
      local kind = handles[thing.class]
      kinds = kinds + (kind and 1 or 0)
      for name in pairs(kind and thing.names or {}) do
        if not described(name, kind) then missing[#missing + 1] = kind .. ":" .. name end
      end
    end
    assert(kinds >= 15)
    check(missing)
  end)

  it("has a page for every kind, which says how it is made", function()
    local missing = {}
    for _, kind in ipairs(public.kinds()) do
      if not documented("# concur." .. (page_of[kind] or kind), "concur." .. kind) then missing[#missing + 1] = kind end
    end
    check(missing)
  end)

  it("names every method of a thread class", function()
    local missing = {}
    for name in pairs(require "concur.class".thread) do
      if not (described(name, "thread") or documented(":" .. name, "concur.thread:extend")) then
        missing[#missing + 1] = name
      end
    end
    check(missing)
  end)

  it("names every field of concur.info()", function()
    local missing = {}
    for name in pairs(concur.info()) do
      if not documented("`" .. name .. "`", "concur.info") then missing[#missing + 1] = name end
    end
    check(missing)
  end)
end)

-- ==} {== these specs can fail

describe("a block", function()
  local function trouble_of(code)
    local trouble
    blocks.with_directory(function(where) trouble = blocks.run(code, where, "page.md", 7) end)
    return trouble
  end

  local function fails(what, code)
    local trouble = trouble_of(code)
    assert(trouble and trouble:find(what, 1, true), ("%q gave %s"):format(code, trouble))
  end

  it("that does what it says passes", function()
    assert(trouble_of 'print(1, "a") --> 1  a\nprint({}) --> table: …\n' == nil)
    assert(trouble_of "local x = 1\nreturn x\n" == nil)
    assert(trouble_of "print() --> \nprint(1) --> 1\n" == nil)
  end)

  it("that prints something else fails", function()
    fails("printed: 2\n  where it says: 1", "print(2) --> 1\n")
    fails("printed more than it says: 2", "print(1) --> 1\nprint(2)\n")
    fails("did not print: 1", "--> 1\n")
    fails("printed: a.b\n  where it says: a%.", "print 'a.b' --> a%.…\n")
  end)

  it("that ends badly fails, with the line of the page", function()
    fails("page.md:8: no", "\nerror 'no'\n")
    fails("ended with exit 3", "os.exit(3)\n")
    fails("wrote to stderr", "io.stderr:write 'x'\n")
  end)

  it("that hangs fails", function()
    local limit = blocks.TIMEOUT
    blocks.TIMEOUT = 1
    local ok, err = pcall(fails, "took longer than 1 s", "while true do end\n")
    blocks.TIMEOUT = limit
    assert(ok, err)
  end)

  it("is found in its page", function()
    blocks.with_directory(function(where)
      local page = where .. "/page.md"
      local file = assert(io.open(page, "w"))
      file:write("text\n```lua\nreturn 1\n```\n```sh\nls\n```\n```lua\n-- m.lua\nreturn 2\n```\n")
      file:close()
      local list = blocks.of(page)
      assert(#list == 2 and list[1].line == 3 and list[1].text == "return 1\n" and not list[1].file)
      assert(list[2].file == "m.lua")
    end)
  end)
end)

-- ==}
