-- `make doc`: the manual has everything, and its links lead somewhere. The second half needs LDoc.
local blocks = require "spec.support.blocks"
local kit = require "spec.support.kit"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function lines(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

local function run(command)
  local pipe = assert(io.popen("timeout 100 sh -c " .. kit.quote(command .. " 2>&1")))
  local output = pipe:read("a")
  if not pipe:close() then error(output) end
end

-- What is defined: "acquire" stands for all functions of that name.
local function defined(path)
  local list = {}
  for name in read(path):gmatch("\nfunction [%w_]+[.:]([%w_]+)") do list[#list + 1] = name end
  return list
end

describe("the manual", function()
  it("is written as LDoc's comments, all of it", function()
    blocks.with_directory(function(where)
      run(("%s doc/manual/manual.lua %s"):format(kit.lua, kit.quote(where)))
      for _, path in ipairs(lines "ls doc/types/*.lua") do
        local text = read(where .. "/" .. path:match("[^/]+$"))
        assert(load(text))
        local wanted, made = defined(path), {}
        for name in text:gmatch("\n%-%- @function ([%w_]+)\n") do made[#made + 1] = name end
        table.sort(wanted)
        table.sort(made)
        assert.same(wanted, made)
      end
    end)
  end)

  it("is made by LDoc, and its links lead somewhere", function()
    if not os.execute("command -v ldoc >/dev/null") then return end
    blocks.with_directory(function(where)
      run(("env -u MAKEFLAGS -u MAKELEVEL make -s doc MANUAL=%s/doc"):format(where))
      local pages = lines(("find %s/doc -name '*.html'"):format(where))
      assert(#pages > 60)
      for _, page in ipairs(pages) do
        local text = read(page)
        local base = page:match("^(.*/)")
        for link in text:gmatch('href="([^"#:]+)[^":]*"') do
          local file = io.open(base .. link)
          if not file then error(("%s links to %s"):format(page:sub(#where + 2), link)) end
          file:close()
        end
        for anchor in text:gmatch('<a href="#([^"]+)"') do
          if not text:find('name%s*=%s*"' .. anchor:gsub("%p", "%%%0") .. '"') then
            error(("%s links to #%s"):format(page:sub(#where + 2), anchor))
          end
        end
      end
    end)
  end)
end)
