-- The options of concur.thread: target, args, globals, stack, affinity; and misuse.
local concur = require "concur"
local h = require "spec.support.helpers"

for _, kind in ipairs(h.kinds) do

  local make = concur[kind]
  local function run(options) return h.results(make(options):start()) end

  describe("options of a " .. kind, function()
    before_each(function() concur.excepthook = false end)

    describe("args", function()
      local function count(...) return select("#", ...), ... end

      it("are the arguments", function()
        assert.same({ 2, "a", 2 }, { run { target = count, args = { "a", 2 } } })
        assert.same({ 0 }, { run { target = count, args = {} } })
        assert.same({ 0 }, { run { target = count } })
      end)

      it("may carry n", function()
        assert.same({ 4, nil, 2, nil, nil, n = 5 }, table.pack(run { target = count, args = { nil, 2, n = 4 } }))
        assert.same({ 1, 1, n = 2 }, table.pack(run { target = count, args = { 1, 2, 3, n = 1 } }))
        assert.same({ 0, n = 1 }, table.pack(run { target = count, args = { 1, n = 0 } }))
        assert.same({ 3, 1, nil, false, n = 4 }, table.pack(run { target = count, args = table.pack(1, nil, false) }))
      end)

      it("refuse an n that is none", function()
        for _, n in ipairs { -1, 1.5, "x", {}, true, math.huge, 1 << 40, math.mininteger } do
          local ok, err = pcall(function() make { target = count, args = { 1, n = n } }:start() end)
          assert.is_false(ok, tostring(n))
          assert.matches("^spec/thread_options_spec.lua:%d+: ", err)
        end
      end)

      it("share what they share, with the globals too", function()
        local x = {}
        assert.is_true(run {
          target = function(a) return a == rawget(_G, "shared_x") end,
          args = { x },
          globals = { shared_x = x },
        })
      end)
    end)

    describe("globals", function()
      it("are fresh and what was told", function()
        rawset(_G, "only_here", 1)
        local a, b, c = run {
          target = function() return rawget(_G, "answer"), rawget(_G, "only_here"), type(print) end,
          globals = { answer = 42 },
        }
        rawset(_G, "only_here", nil)
        assert.same({ 42, nil, "function", n = 3 }, table.pack(a, b, c))
      end)

      it("may be anything that crosses, and replace what is there", function()
        local q = concur.queue()
        local n, text, same = run {
          target = function(x)
            return rawget(_G, "add")(1, 2), tostring(5), rawget(_G, "q") == x
          end,
          args = { q },
          globals = { add = function(a, b) return a + b end, tostring = function() return "mine" end, q = q },
        }
        assert.same({ 3, "mine", true }, { n, text, same })
      end)

      it("are seen by the function's own globals", function()
        assert.equal("global 7", run {
          target = load "return describe_it(seven)",
          globals = { seven = 7, describe_it = function(x) return "global " .. x end },
        })
      end)

      it("may have keys of any kind", function()
        assert.same({ "one", "yes" }, { run {
          target = function() return rawget(_G, 1), rawget(_G, true) end,
          globals = { "one", [true] = "yes" },
        } })
      end)

      it("are not inherited, and not seen by the next", function()
        local inner = run {
          target = function(k)
            return select(2, concur[k](function() return rawget(_G, "mine") end):start():join(20))
          end,
          args = { kind },
          globals = { mine = 1 },
        }
        assert.is_nil(inner)
        for _ = 1, 5 do assert.is_nil((run { target = function() return rawget(_G, "mine") end })) end
      end)

      it("are copied at the start", function()
        local globals = { v = { 1 } }
        local t = make { target = function() return rawget(_G, "v")[1] end, globals = globals }
        globals.v[1] = 2
        t:start()
        globals.v[1] = 3
        assert.equal(2, h.results(t))
      end)

      it("that cannot cross raise at the start", function()
        local t = make { target = print, globals = { bad = { coroutine.create(print) } } }
        h.raises("cannot transfer a thread %(at .*bad.*%)", function() t:start() end)
        assert.equal("new", t:status())
      end)
    end)

    describe("misuse", function()
      it("raises for unknown options, naming them", function()
        h.raises("unknown option 'nmae'", function() make { target = print, nmae = "x" } end)
        h.raises("unknown option '1'", function() make { print } end)
        h.raises("unknown option", function() make { target = print, [print] = 1 } end)
      end)

      local wrong = {
        target = { 1, "print", {}, true },
        args = { 1, "x", true, print },
        globals = { 1, "x", true, print },
        name = { {}, true, print },
        daemon = { 0, "true", {}, print },
      }
      for option, values in pairs(wrong) do
        it("raises for a wrong " .. option, function()
          for _, value in ipairs(values) do
            h.raises(option, function() make { target = option ~= "target" and print or nil, [option] = value } end)
          end
        end)
      end

      it("raises for what is no function", function()
        for _, value in ipairs { 1, "print", true } do
          h.raises("bad argument #1", function() make(value) end)
          h.raises("bad argument #1", function() make(value, 1) end)
        end
        h.raises("bad argument #1", function() make(concur.queue()) end)
        h.raises("bad argument #1", function() make() end)
        h.raises("bad argument #1", function() make(nil) end)
        h.raises("bad argument #1", function() make(nil, 1) end)
        h.raises("bad argument #1", function() make({}, 1) end)
      end)
    end)
  end)
end

-- What holds for threads only.

local function processors()
  return (h.read("/proc/self/status"):match("Cpus_allowed_list:%s*(%S+)"))
end

-- What the kernel lets the calling thread use.
local function mine()
  local path = ("/proc/self/task/%d/status"):format(concur.current().native_id)
  local file <close> = assert(io.open(path))
  return (file:read("a"):match("Cpus_allowed_list:%s*(%S+)"))
end

local function run(options) return h.results(concur.thread(options):start()) end

describe("stack", function()
  it("may be small or large", function()
    for _, stack in ipairs { 1, 4096, 65536, 1 << 20, 64 << 20, 1e6 } do
      assert.equal(5050, run {
        stack = stack,
        target = function()
          local function sum(n) return n == 0 and 0 or n + sum(n - 1) end
          return sum(100)
        end,
      })
    end
  end)

  it("is really there", function()
    local size = run {
      stack = 128 << 20,
      target = function()
        -- the mapping around an address of this stack is not told; that of its size is
        local largest = 0
        for line in io.lines("/proc/self/maps") do
          local from, to, mode = line:match("^(%x+)%-(%x+) (%S+)")
          if mode == "rw-p" then largest = math.max(largest, tonumber(to, 16) - tonumber(from, 16)) end
        end
        return largest
      end,
    }
    assert.is_true(size >= 128 << 20, size)
  end)

  it("must be a positive integer", function()
    for _, stack in ipairs { 0, -1, 1.5, 0 / 0, math.huge, -math.huge, "much", {}, true, print, math.mininteger } do
      h.raises("stack", function() concur.thread { target = print, stack = stack } end)
    end
  end)

  it("that the system cannot give raises at the start", function()
    for _, stack in ipairs { math.maxinteger, 1 << 60, 1 << 47 } do
      local t = concur.thread { target = print, stack = stack }
      for _ = 1, 2 do
        h.raises("cannot start", function() t:start() end)
        assert.equal("new", t:status())
        assert.is_false(t:is_alive())
        assert.is_nil(t.ident)
        assert.is_nil(t.native_id)
        assert.equal(1, concur.active_count())
      end
    end
  end)
end)

describe("affinity", function()
  if processors():find("^0") then
    it("binds to the processors told", function()
      assert.equal("0", run { affinity = { 1 }, target = mine })
      assert.equal("0", run { affinity = { 1, 1 }, target = mine })
    end)
  end

  if processors():find("^0%-%d*[1-9]") then
    it("binds to others and to several", function()
      assert.equal("1", run { affinity = { 2 }, target = mine })
      assert.equal("0-1", run { affinity = { 2, 1 }, target = mine })
    end)
  end

  it("is not seen by later threads", function()
    for _ = 1, 5 do
      run { affinity = { 1 }, target = function() end }
      assert.equal(processors(), run { target = mine })
    end
  end)

  it("is not seen by what such a thread starts, the first child process included", function()
    local output = h.output [[
      local concur = require "concur"
      local all, count = concur.cpu_count(), concur.cpu_count
      local t = concur.thread { affinity = { 1 }, target = function()
        local _, of_thread = concur.spawn(count):join()
        local _, of_process = concur.process(count):start():join()
        local _, of_timer = concur.timer(0, count):start():join()
        local pool <close> = concur.process_pool(1)
        return count() == 1, of_thread == all, of_process == all, of_timer == all, pool:apply(count) == all
      end }
      print(t:start():join())
      local _, of_process = concur.process(count):start():join()
      print(of_process == all)
    ]]
    assert.equal(("true\t"):rep(5) .. "true\ntrue\n", output)
  end)

  it("must be a list of processors that exist", function()
    local lists = { {}, { 0 }, { -1 }, { 1.5 }, { "x" }, { 1, 0 }, { 1 << 20 }, { math.maxinteger }, { true },
      1, "1", true }
    for _, list in ipairs(lists) do
      h.raises("affinity", function() concur.thread { target = print, affinity = list } end)
    end
  end)
end)
