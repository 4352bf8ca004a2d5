-- Trouble: no memory, no address space, no more threads. Each in a process of its
-- own, where a crash is seen.
local concur = require "concur"
local counts = require "spec.support.counts"
local h = require "spec.support.helpers"

local function limited(kilobytes) return { shell = ("ulimit -v %d"):format(kilobytes) } end

if not h.sanitized then
  describe("lack of memory", function()
    local hogs = {
      ["a huge string"] = "return ('x'):rep(1 << 33)",
      ["strings that double"] = "local s = 'x' while true do s = s .. s end",
      ["many strings"] = "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(100000) .. i end",
      ["many small tables"] = "local t = {} for i = 1, math.huge do t[i] = { i } end",
      ["a table that grows"] = "local t = {} for i = 1, math.huge do t[i] = i end",
      ["a huge argument list"] = "return table.unpack({}, 1, 1e7)",
      ["a huge concatenation"] = "local t = {} for i = 1, 500 do t[i] = ('x'):rep(1000000) end return table.concat(t)",
    }
    for name, body in pairs(hogs) do
      it("by " .. name .. " fails that thread only", function()
        local out = h.output(([[
          local concur = require "concur"
          concur.excepthook = false
          local gate = concur.event()
          local witness = concur.spawn(function() local t = { gate:wait(15) } return t[1] end)
          local body = load(%q)
          for _ = 1, 3 do
            local t = concur.spawn(body)
            local ok, err = t:join(15)
            print(ok, t:status(), (tostring(err):gsub("^.-:%%d+: ", "")))
            print(concur.spawn(function(a, b) return a + b end, 1, 2):join(10))
          end
          gate:set()
          print(witness:join(10))
        ]]):format(body), limited(600000))
        local reason = name:find "argument list" and "too many results to unpack" or "not enough memory"
        if name == "a huge string" and out:find "too large" then reason = "resulting string too large" end
        assert.equal((("false\tfailed\t%s\ntrue\t3\n"):format(reason)):rep(3) .. "true\ttrue\n", out)
      end)
    end

    it("for a message raises in the sender", function()
      assert.equal("false\nsmall\n", h.output([[
        local concur = require "concur"
        local q = concur.queue()
        local s = ("x"):rep(100000000)
        local list = {}
        local ok = pcall(function() for i = 1, 100 do q:put(s) end end)
        print(ok)
        q, s = nil, nil
        collectgarbage()
        print(select(2, concur.spawn(function() return "small" end):join(10)))
      ]], limited(1000000)))
    end)

    it("for results fails the thread", function()
      local out = h.output([[
        local concur = require "concur"
        concur.excepthook = false
        local t = concur.spawn(function()
          local s = ("x"):rep(50000000)
          local list = {}
          for i = 1, 100 do list[i] = i .. s end
          return list
        end)
        print(t:join(15))
        print(concur.spawn(function() return 1 end):join(10))
      ]], limited(600000))
      assert.matches("^false\t.*memory\ntrue\t1\n$", out)
    end)
  end)

  describe("a small address space", function()
    it("is enough, or concur says that it is not", function()
      local works, refusals = 0, 0
      local sizes = {}
      for kilobytes = 8000, 80000, 3000 do sizes[#sizes + 1] = kilobytes end
      for _, kilobytes in ipairs { 100000, 150000, 300000, 1000000, 4000000 } do sizes[#sizes + 1] = kilobytes end
      for _, kilobytes in ipairs(sizes) do
        local r = h.run([[
          local ok, concur = pcall(require, "concur")
          if not ok then print("refused", concur) return end
          concur.excepthook = false
          local done, t = pcall(concur.spawn, function(...) return #table.pack(...) end, 1, 2, 3)
          if not done then print("refused", t) return end
          local good, n = t:join(10)
          if not good then print("refused", n) return end
          local q = concur.queue()
          for i = 1, 100 do q:put { i } end
          for i = 1, 100 do assert(q:get(0)[1] == i) end
          print("works", n)
        ]], limited(kilobytes))
        local before = { "^timeout: ", "error while loading shared libraries", "^lua[%d.]*: not enough memory",
          "cannot create state" }
        local started = true
        for _, message in ipairs(before) do started = started and not r.err:find(message) end
        if not started then
          goto continue -- not even Lua
        end
        assert.equal(0, r.code, kilobytes .. " KB: " .. r.text)
        assert.equal("", r.err, kilobytes .. " KB: " .. r.text)
        if r.out == "works\t3\n" then
          works = works + 1
        else
          assert.matches("^refused\t%C+\n$", r.out, kilobytes .. " KB: " .. r.text)
          refusals = refusals + 1
        end
        ::continue::
      end
      assert.is_true(works >= 5, works)
    end)
  end)
end

describe("a thread that the system refuses", function()
  local script = [[
    local concur = require "concur"
    concur.excepthook = false
    local gate, list = concur.event(), {}
    local function add()
      local t = concur.thread { target = function() gate:wait(15) return 1 end, stack = STACK }
      local ok, err = pcall(t.start, t)
      if ok then list[#list + 1] = t end
      return ok, t, err
    end
    -- the address space is used up then, but this state needs memory to go on
    local spare = {}
    for i = 1, 4000 do spare[i] = ("x"):rep(1000) .. i end
    local ok, refused, err
    for i = 1, 2000 do
      ok, refused, err = add()
      if not ok then break end
    end
    spare = nil
    collectgarbage()
    print(ok, err)
    -- one that was made may have failed to get its state
    local listed = false
    for _, t in ipairs(concur.threads()) do listed = listed or t == refused end
    print(refused:status(), refused:is_alive(), refused.ident, refused.native_id, listed)
    print(pcall(refused.join, refused, 0))
    gate:set()
    for _, t in ipairs(list) do assert(t:join(15) ~= nil) end
    list = nil
    local deadline = concur.now() + 10
    repeat ok = pcall(refused.start, refused) until ok or concur.now() > deadline
    print(ok, refused:join(15))
    print(concur.spawn(function() return "fine" end):join(10))
  ]]
  local expected = "^false\tcannot start the thread: %C+\nnew\tfalse\tnil\tnil\tfalse\n"
    .. "false\t[^\n]*unstarted[^\n]*\ntrue\ttrue\t1\ntrue\tfine\n$"

  if not h.sanitized then
    it("for lack of address space can be started later", function()
      assert.matches(expected, h.output((script:gsub("STACK", "256 << 20")), limited(4000000)))
    end)

    it("for lack of address space with the default stack, too", function()
      assert.matches(expected, h.output((script:gsub("STACK", "nil")), limited(400000)))
    end)
  end

  -- Root is not limited, so somebody else must run it. (sh may have no ulimit -u.)
  local function shell(command)
    local pipe <close> = io.popen(command)
    return pipe:read "l"
  end
  local root = shell "id -u" == "0"
  local room = root and 20 or tonumber(shell "ps -eLo uid | grep -cw $(id -u)") + 20
  local other = root and "setpriv --reuid=54321 --clear-groups" or ""
  local readable = ("%s test -r %s 2>/dev/null"):format(other, h.quote(package.searchpath("concur", package.cpath)))
  if h.has "prlimit" and os.execute(readable) then
    it("for lack of processes can be started later", function()
      local out = h.output((script:gsub("STACK", "nil")), {
        shell = "chmod a+r /tmp/lua_*",
        prefix = ("prlimit --nproc=%d %s"):format(room, other),
      })
      assert.matches(expected, out)
    end)
  end
end)

describe("many threads", function()
  it("are 500 at once", function()
    local gate, arrived = concur.event(), concur.value(0)
    local list = {}
    for i = 1, 500 do
      list[i] = concur.spawn(function()
        arrived:add(1)
        gate:wait(20)
        return i
      end)
    end
    h.poll("500 threads", function() return arrived:get() == 500 end)
    assert.equal(501, concur.active_count())
    assert.equal(501, concur.info().threads)
    gate:set()
    local sum = 0
    for _, t in ipairs(list) do sum = sum + h.results(t) end
    assert.equal(125250, sum)
    assert.equal(1, concur.active_count())
  end)

  it("may be unstarted and forgotten", function()
    local before = counts.live().thread
    for _ = 1, 1000 do concur.thread(function() end, {}) end
    collectgarbage()
    collectgarbage()
    assert.equal(before, concur.info().objects.thread)
  end)
end)
