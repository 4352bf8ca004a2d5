-- concur.log: messages of all threads and processes
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local log = concur.log
local T = kit.TIMEOUT
local FORMAT = "{time} {level} {thread} {process} {message}"

describe("log", function()
  local path

  before_each(function()
    path = os.tmpname()
    log.config {level = "info", format = "{level}: {message}", file = path}
  end)

  after_each(function()
    log.config {level = "info", format = FORMAT, file = io.stderr}
    os.remove(path)
  end)

  -- What has been written since the last time.
  local function written()
    local text = h.read(path)
    assert(io.open(path, "w")):close()
    return text
  end

  describe("messages", function()
    it("are formatted when there is something to format", function()
      log.info("100%")
      log.info("%d of %s%%", 3, nil)
      log.warning("%5.2f|%q", 1, "a\0b")
      log.error("a\nb\0c\xff")
      assert.equal('info: 100%\ninfo: 3 of nil%\nwarning:  1.00|"a\\0b"\nerror: a\nb\0c\xff\n', written())
    end)

    it("may be anything that tostring takes", function()
      log.info(nil)
      log.info(12)
      log.info(setmetatable({}, {__tostring = function() return "an object" end}))
      log.error("%s", setmetatable({}, {__tostring = function() return "another" end}))
      log.info("")
      assert.equal("info: nil\ninfo: 12\ninfo: an object\nerror: another\ninfo: \n", written())
    end)

    it("functions make them, when they are wanted", function()
      local calls = 0
      local function costly(a, b)
        calls = calls + 1
        return ("%s%% and %s"):format(a, b)
      end
      log.debug(costly, 1, 2)
      assert.equal(0, calls)
      log.info(costly, 1, 2)
      assert.equal(1, calls)
      assert.equal("info: 1% and 2\n", written())
    end)

    it("return nothing", function()
      assert.equal(0, select("#", log.info("x")))
      assert.equal(0, select("#", log.debug("x")))
    end)

    it("that cannot be made raise at the caller, and leave nothing", function()
      kit.raises("bad argument #1 to 'info' (value expected)", function() log.info() end)
      kit.raises("bad argument #2 to 'error' (number expected, got string)", function() log.error("%d", "x") end)
      kit.raises("bad argument #1 to 'info' (string expected, got table)", function() log.info({}, 1) end)
      kit.raises("bad argument #3 to 'info' (no value)", function() log.info("%s %s", 1) end)
      kit.raises("invalid conversion '%y' …", function() log.info("%y", 1) end)
      kit.raises("'__tostring' must return a string", function()
        log.info(setmetatable({}, {__tostring = function() return {} end}))
      end)
      local object = {}
      local thing = setmetatable({}, {__tostring = function() error(object) end})
      assert.equal(object, kit.error_of(function() log.info(thing) end))
      assert.equal(object, kit.error_of(function() log.info("%s", thing) end))
      kit.raises("mine", function() log.info(function() error "mine" end) end)
      assert.equal("", written())
    end)

    it("of a level that is off are not looked at", function()
      log.debug("%d", "x")
      log.debug()
      log.config {level = "off"}
      log.error("%d", "x")
      assert.equal("", written())
    end)
  end)

  it("levels let through what is as high, or higher", function()
    local all = {"debug", "info", "warning", "error", "off"}
    for i, level in ipairs(all) do
      assert.equal(level, log.config {level = level}.level)
      for j = 1, 4 do log[all[j]]("x") end
      local expected = {}
      for j = i, 4 do expected[#expected + 1] = all[j] .. ": x\n" end
      assert.equal(table.concat(expected), written())
    end
  end)

  describe("formats", function()
    it("have fields", function()
      log.config {format = "{message}|{level}|{thread}|{process}|{message}%d%%"}
      log.info("x")
      assert.equal("x|info|MainThread|MainProcess|x%d%%\n", written())
      kit.join(concur.thread {name = "a thread", target = function() log.info("y") end}:start())
      assert.equal("y|info|a thread|MainProcess|y%d%%\n", written())
      kit.join(concur.process {name = "a process", target = function() log.info("z") end}:start())
      assert.equal("z|info|MainThread|a process|z%d%%\n", written())
    end)

    it("have the local time, with milliseconds", function()
      log.config {format = "{time}"}
      local before = os.time()
      for _ = 1, 3 do log.info("x") end
      local after = os.time()
      for line in written():gmatch("([^\n]*)\n") do
        local year, month, day, hour, min, sec = line:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.%d%d%d$"
        local t = os.time {year = year, month = month, day = day, hour = hour, min = min, sec = sec}
        assert.is_true(t >= before and t <= after, line)
      end
    end)

    it("keep what is no field", function()
      for _, format in ipairs {"", "%s", '{"level": "x"}', "{ x }", "{-}", "{", "}{", "a\nb"} do
        log.config {format = format}
        log.info("x")
        assert.equal(format .. "\n", written())
      end
    end)

    it("the default has all", function()
      local output, ok = kit.run [[local concur = require "concur" concur.log.info("x") concur.log.debug("y")]]
      assert.is_true(ok)
      assert.truthy(output:find "^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d+ info MainThread MainProcess x\n$", output)
    end)
  end)

  describe("config", function()
    it("gives what holds, and changes what it is told", function()
      kit.same({level = "info", format = "{level}: {message}", file = path}, log.config())
      kit.same({level = "error", format = "{level}: {message}", file = path}, log.config {level = "error"})
      kit.same({level = "error", format = "x", file = path}, log.config {format = "x"})
      assert.equal(io.stdout, log.config {file = io.stdout}.file)
      assert.equal(io.stderr, log.config {file = io.stderr}.file)
      kit.same({level = "error", format = "x", file = path}, log.config {file = path})
      kit.same(log.config(), log.config {})
      kit.same(log.config(), log.config(log.config()))
    end)

    it("is the same by all names", function()
      assert.equal(log.info, require "concur.log".info)
      assert.equal(concur.log.config, require "concur.log".config)
    end)

    it("raises for what is wrong, and changes nothing", function()
      local before = log.config()
      local wrong = {
        {'unknown level "verbose"', {level = "verbose"}},
        {'unknown level "INFO"', {level = "INFO"}},
        {"bad option 'level' (string expected, got number)", {level = 1}},
        {'unknown option "levle" of the log', {levle = "info"}},
        {"unknown option 1 of the log", {"debug"}},
        {"unknown field {nothing} in the format of the log", {format = "{message} {nothing}"}},
        {"unknown field {} in the format of the log", {format = "{}"}},
        {"bad option 'format' (string expected, got boolean)", {format = false}},
        {"bad option 'file' (a path, io.stderr or io.stdout expected, got boolean)", {file = false}},
        {"bad option 'file' (a path, io.stderr or io.stdout expected, got userdata)", {file = io.stdin}},
        {"bad option 'file' (not a path)", {file = ""}},
        {"bad option 'file' (not a path)", {file = "a\0b"}},
        {"cannot open the log file /no/such/place: No such file or directory", {file = "/no/such/place"}},
        {"cannot open the log file /: Is a directory", {file = "/"}},
        {"bad argument #1 to 'config' (table expected, got string)", "debug"},
        {"the format and the path of the log are too long", {format = ("x"):rep(20000)}},
      }
      for _, case in ipairs(wrong) do
        local options = case[2]
        if type(options) == "table" and not options.level then options.level = "debug" end
        kit.raises(case[1], function()
          log.config(options)
          return nil
        end)
        kit.same(before, log.config())
      end
    end)

    it("changes of several at once all hold", function()
      for _ = 1, 20 do
        log.config {level = "info", format = "old"}
        kit.join_all {
          concur.spawn(function() log.config {level = "error"} end),
          concur.spawn(function() log.config {format = "new"} end),
        }
        kit.same({level = "error", format = "new", file = path}, log.config())
      end
    end)

    it("a relative path is that of who sets it", function()
      local name = path:match "[^/]+$"
      local code = ([[
        local concur = require "concur"
        concur.log.config {file = %q, format = "{message}"}
        io.write(concur.log.config().file)
        concur.log.info "here"
      ]]):format(name)
      local directory = path:match "^(.*)/"
      local pwd <close> = assert(io.popen "pwd")
      local here = pwd:read()
      local function absolute(list) return (";" .. list):gsub(";([^/;])", ";" .. here .. "/%1"):sub(2) end
      local paths = ("LUA_PATH='%s' LUA_CPATH='%s'"):format(absolute(package.path), absolute(package.cpath))
      local output, ok = kit.run(code, ("cd %s && env %s"):format(kit.quote(directory), paths))
      assert.is_true(ok, output)
      assert.equal("here\n", written())
      assert.equal(path, output)
    end)
  end)

  describe("standard streams", function()
    local function captured(code)
      return concur.subprocess.run {"sh", "-c", kit.lua .. " -", input = 'local concur = require "concur" ' .. code,
        timeout = T}
    end

    it("what a stream holds back goes first", function()
      local result = captured [[
        concur.log.config {format = "{message}", file = io.stdout}
        io.write "first "
        concur.log.info "second"
        concur.process(concur.log.info, "third"):start():join()
        concur.log.config {file = io.stderr}
        concur.log.info "other"
      ]]
      assert.equal("first second\nthird\n", result.stdout)
      assert.equal("other\n", result.stderr)
    end)

    it("lines are whole when threads and processes write", function()
      local result = captured [[
        concur.log.config {format = "<{message}>"}
        local list = {}
        for i = 1, 6 do
          local kind = i % 2 == 0 and "thread" or "process"
          list[i] = concur[kind](function() for j = 1, 200 do concur.log.info("%d %d %s", i, j, ("x"):rep(j)) end end)
          list[i]:start()
        end
        for _, one in ipairs(list) do assert(one:join()) end
      ]]
      local next_of = {0, 0, 0, 0, 0, 0}
      for line in result.stderr:gmatch "([^\n]*)\n" do
        local i, j, rest = line:match "^<(%d+) (%d+) (x+)>$"
        i, j = math.tointeger(i), math.tointeger(j)
        assert.equal(j, #rest)
        assert.equal(next_of[i] + 1, j)
        next_of[i] = j
      end
      kit.same({200, 200, 200, 200, 200, 200}, next_of)
    end)

    it("so are lines that no pipe takes at once", function()
      local result = captured [[
        concur.log.config {format = "{message}"}
        local list = {}
        for i = 1, 4 do
          list[i] = concur.process(function()
            for _ = 1, 50 do concur.log.info("%s", ("%d"):format(i):rep(20000)) end
          end)
          list[i]:start()
        end
        for _, one in ipairs(list) do assert(one:join()) end
      ]]
      local counts = {}
      for line in result.stderr:gmatch "([^\n]*)\n" do
        assert.is_true(#line == 20000 and line == line:sub(1, 1):rep(20000))
        counts[line:sub(1, 1)] = (counts[line:sub(1, 1)] or 0) + 1
      end
      kit.same({["1"] = 50, ["2"] = 50, ["3"] = 50, ["4"] = 50}, counts)
    end)

    it("who is killed while nobody reads what it writes blocks nobody", function()
      local program <close> = assert(concur.subprocess.popen {"sh", "-c", "exec " .. kit.lua .. " -e " .. kit.quote [[
        local concur = require "concur"
        concur.log.config {format = "{message}"}
        local writer = concur.process(function() concur.log.info("%s", ("x"):rep(20000000)) end):start()
        io.read()
        writer:kill()
        writer:join()
        concur.log.info "after"
      ]]})
      assert.equal("x", program:read_stderr(1)) -- it writes now
      program:write "\n"
      local result = assert(program:wait(T))
      assert.equal(0, result.code)
      assert.truthy(#result.stderr < 20000000 and result.stderr:find "^x+after\n$")
    end)

    it("one that is closed is not a reason to fail", function()
      local result = captured [[
        io.stderr:close()
        concur.log.info "nowhere"
        concur.log.config {file = io.stdout, format = "{message}"}
        concur.log.info "here"
      ]]
      assert.equal(0, result.code)
      assert.equal("here\n", result.stdout)
    end)
  end)

  describe("files", function()
    it("keep what they have", function()
      local file = assert(io.open(path, "w"))
      file:write "before\n"
      file:close()
      log.config {file = path}
      log.info("after")
      assert.equal("before\ninfo: after\n", h.read(path))
    end)

    it("that are moved, removed or cut short are made anew, or gone on with", function()
      log.info("1")
      assert(os.rename(path, path .. ".1"))
      log.info("2")
      assert.equal("info: 1\n", h.read(path .. ".1"))
      assert.equal("info: 2\n", h.read(path))
      os.remove(path .. ".1")
      os.remove(path)
      log.info("3")
      assert.equal("info: 3\n", written()) -- which cuts it short
      log.info("4")
      assert.equal("info: 4\n", written())
    end)

    it("that cannot be written any more: it goes to standard error", function()
      local output, ok = kit.run([[
        local concur = require "concur"
        local place = os.tmpname()
        os.remove(place)
        assert(os.execute("mkdir " .. place))
        concur.log.config {file = place .. "/log", format = "{message}"}
        concur.log.info "before"
        assert(os.execute("rm -r " .. place))
        concur.log.info "not lost"
        io.stderr:write(place, "/log")
      ]])
      assert.is_true(ok)
      local place = output:match "([^\n]*)$"
      assert.equal(("not lost\nconcur.log: cannot write to %s: No such file or directory\n%s"):format(place, place),
        output)
    end)

    it("no descriptor stays", function()
      local function descriptors()
        local n = 0
        local list <close> = assert(io.popen "ls /proc/$PPID/fd")
        for _ in list:lines() do n = n + 1 end
        return n
      end
      collectgarbage() -- what earlier tests have left open
      local before = descriptors()
      for i = 1, 50 do log.info("%d", i) end
      assert.equal(before, descriptors())
    end)
  end)

  kit.each_kind(function(kind)
    it("one that runs sees a change, and makes them", function()
      local ask, answer = concur.queue(), concur.queue()
      local other = kind.spawn(function()
        for level in ask:items() do
          if level ~= "" then log.config {level = level} end
          log.debug("debug")
          log.info("info")
          answer:put(log.config())
        end
      end)
      local function asked(level)
        ask:put(level)
        return assert(answer:get(T))
      end
      assert.equal("info", asked("").level)
      assert.equal("info: info\n", written())
      log.config {level = "debug", format = "{message}"}
      kit.same({level = "debug", format = "{message}", file = path}, asked "")
      assert.equal("debug\ninfo\n", written())
      asked "off"
      assert.equal("off", log.config().level)
      log.error("nothing")
      assert.equal("", written())
      ask:close()
      kit.join(other)
    end)

    it("functions and the module cross by name", function()
      local info, module = log.info, concur.log
      kit.join(kind.spawn(function(warning)
        info("1")
        module.info("2")
        warning("3")
      end, log.warning))
      assert.equal("info: 1\ninfo: 2\nwarning: 3\n", written())
    end)

    it("an error in one's message is one's own", function()
      local bad = kind.spawn(function() log.info("%d", {}) end)
      local ok, err = bad:join(T)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("log_spec.lua:%d+: bad argument #2 to 'info'"))
      log.info("fine")
      assert.equal("info: fine\n", written())
    end)

    it("many write at once, and every line is whole", function()
      local WRITERS, LINES = 6, 300
      log.config {format = "{level} {message}\t."}
      local start, list = concur.event(), {}
      for i = 1, WRITERS do
        list[i] = kind.spawn(function()
          start:wait(T)
          for j = 1, LINES do log.warning("%d %d %s", i, j, ("<%d>"):format(i):rep(j * 7 % 100)) end
        end)
      end
      start:set()
      kit.join_all(list)
      local counts, lines = {}, 0
      for line in written():gmatch "([^\n]*)\n" do
        local i, j, rest = line:match "^warning (%d+) (%d+) ([<>%d]*)\t%.$"
        i, j = math.tointeger(i), math.tointeger(j)
        assert.equal((counts[i] or 0) + 1, j) -- those of one are in order
        assert.equal(("<%d>"):format(i):rep(j * 7 % 100), rest)
        counts[i], lines = j, lines + 1
      end
      assert.equal(WRITERS * LINES, lines)
    end)
  end)

  describe("a process that is killed", function()
    it("leaves whole lines", function()
      -- 64 bytes each: no line lies on two pages, between which the kernel looks for signals
      log.config {format = "{message}"}
      for round = 1, 5 do
        local begun, list = concur.semaphore(0), {}
        for i = 1, 3 do
          list[i] = concur.process(function()
            begun:release()
            while true do log.info("%-62s|", i) end
          end):start()
        end
        for _ = 1, 3 do assert(begun:acquire(T)) end
        local some = #h.read(path)
        kit.eventually("more lines", function() return #h.read(path) > some + 64 * 20 end)
        for _, process in ipairs(list) do process:kill() end
        for _, process in ipairs(list) do assert.is_false(process:join(T)) end
        log.info("%-62s|", "main")
        local text = written()
        assert.equal(0, #text % 64)
        for line in text:gmatch "([^\n]*)\n" do
          assert.truthy(#line == 63 and line:find "^%w+ +|$", ("%q in round %d"):format(line, round))
        end
      end
    end)

    it("leaves settings that are whole, and may be changed", function()
      local long = ("x"):rep(3000)
      for _ = 1, 10 do
        local begun = concur.event()
        local process = concur.process(function()
          while true do
            log.config {level = "error", format = long .. "{level}"}
            begun:set()
            log.config {level = "debug", format = "{message}"}
          end
        end):start()
        assert.is_true(begun:wait(T))
        process:kill()
        assert.is_false(process:join(T))
        local now = log.config()
        assert.equal(now.level == "error" and long .. "{level}" or "{message}", now.format)
        assert.equal("warning", log.config {level = "warning", format = "{message}"}.level)
      end
    end)
  end)

  it("makes no objects, and keeps no memory of what was set", function()
    local before, memory = kit.live(), concur.info().shared_memory
    for i = 1, 100 do
      log.config {format = ("%d"):format(i)}
      log.info("x")
    end
    kit.settled(before)
    assert.is_true(concur.info().shared_memory <= memory)
  end)

  it("a message that is off costs little", function()
    local N, debug = 100000, log.debug
    local best = math.huge
    for _ = 1, 5 do
      local took = kit.seconds(function()
        for i = 1, N do debug("%d", i) end
      end)
      best = math.min(best, took / N)
    end
    assert.is_true(best < (h.sanitized and 1e-5 or 1e-6), ("%.0f ns"):format(best * 1e9))
  end)
end)
