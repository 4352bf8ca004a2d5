-- concur.subprocess: other programs
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT
local run, popen = concur.subprocess.run, concur.subprocess.popen

local function sh(script, options)
  options = options or {}
  options[1], options[2], options[3] = "sh", "-c", script
  return options
end

local function pid_of_this()
  local f <close> = assert(io.open "/proc/self/stat")
  return f:read("n")
end

describe("subprocess.run", function()
  before_each(function() concur.excepthook = false end)

  it("captures output, streams apart, and gives code or signal", function()
    kit.same({ code = 0, stdout = "out\n", stderr = "err\n" }, run(sh "echo out; echo err >&2"))
    kit.same({ code = 3, stdout = "", stderr = "" }, run(sh "exit 3"))
    kit.same({ signal = 15, stdout = "", stderr = "" }, run(sh "kill -15 $$"))
    kit.same({ code = 0 }, run(sh("true", { capture = false })))
  end)

  it("passes arguments as they are, without a shell", function()
    local args = { "printf", "%s|", "a b", "*", "$HOME", "'\"", "", "\n", "\xff\1", 7 }
    assert.equal("a b|*|$HOME|'\"||\n|\xff\1|7|", run(args).stdout)
  end)

  it("stdin is the input, byte by byte, or empty", function()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local all = table.concat(bytes)
    assert.equal(all, run { "cat", input = all }.stdout)
    assert.equal("", run { "cat" }.stdout)
    assert.equal("", run { "cat", input = "" }.stdout)
  end)

  it("moves much both ways at once", function()
    local big = ("0123456789abcde\n"):rep(1 << 16)
    assert.is_true(run { "cat", input = big, timeout = T }.stdout == big)
    local r = run(sh("cat >&2; head -c 3000000 /dev/zero", { input = big, timeout = T }))
    assert.is_true(r.stderr == big and #r.stdout == 3000000)
    assert.equal(0, run { "true", input = big, timeout = T }.code) -- it reads nothing
  end)

  it("tells what cannot be started", function()
    kit.same({ nil, "cannot run no-such-program-here: No such file or directory", n = 2 },
      table.pack(run { "no-such-program-here" }))
    kit.same({ nil, "cannot run /etc/passwd: Permission denied", n = 2 }, table.pack(run { "/etc/passwd" }))
    kit.same({ nil, "cannot work in /no/such/place: No such file or directory", n = 2 },
      table.pack(run { "true", cwd = "/no/such/place" }))
    kit.same({ nil, "cannot work in /etc/passwd: Not a directory", n = 2 },
      table.pack(run { "true", cwd = "/etc/passwd" }))
  end)

  it("works in a directory, with an environment of its own", function()
    assert.equal("/\n", run { "pwd", cwd = "/" }.stdout)
    local r = run(sh("echo $A-$B-$HOME", { env = { A = "1 2", B = 3, PATH = os.getenv "PATH" } }))
    assert.equal("1 2-3-\n", r.stdout)
  end)

  it("a timeout kills the whole group, and keeps what came", function()
    local took, result, message, so_far = kit.seconds(function()
      return run(sh("echo early; (sleep 30; echo late) & sleep 30", { timeout = 0.2 }))
    end)
    assert.is_nil(result)
    assert.equal("timeout", message)
    kit.same({ signal = 9, stdout = "early\n", stderr = "" }, so_far)
    assert.is_true(took >= 0.2 and took < 5)
    local left <close> = io.popen("pgrep -fc 'sleep [3]0'")
    assert.equal(0, left:read("n"))
  end)

  it("takes timeouts as other calls do", function()
    for _, forever in ipairs { true, math.huge } do
      assert.equal(0, run { "true", timeout = forever }.code)
      assert.equal(0, popen { "cat" }:wait(forever).code)
    end
    for _, now in ipairs { 0, false } do
      assert.equal("timeout", (select(2, run { "sleep", "30", timeout = now })))
    end
    local p <close> = popen { "sleep", "30" }
    kit.same({ nil, "timeout", n = 2 }, table.pack(p:wait(false)))
    kit.raises("bad argument #1 to 'wait' (time is not a number (NaN))", function() p:wait(0 / 0) end)
    kit.raises("bad argument #1 to 'wait' (number, boolean or nil expected, got table)", function() p:wait {} end)
  end)

  it("limits output", function()
    local result, message, so_far = run { "yes", limit = 100000 }
    assert.is_nil(result)
    assert.equal("output limit exceeded", message)
    assert.is_true(#so_far.stdout > 100000)
  end)

  it("check raises for a program that fails", function()
    assert.equal(0, run { "true", check = true }.code)
    h.raises("sh ended with code 4: what went wrong", function()
      run(sh("echo what went wrong >&2; exit 4", { check = true }))
    end)
    h.raises("sh was ended by signal 9", function() run(sh("kill -9 $$", { check = true })) end)
    h.raises("cannot run no%-such%-program", function() run { "no-such-program", check = true } end)
  end)

  it("streams go to files, to nothing, or to those of this process", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write "before "
    kit.same({ code = 0, stderr = "" }, run(sh("echo out", { stdout = file })))
    assert.equal("before out\n", h.read(path))
    local input <close> = assert(io.open(path))
    assert.equal("before out\n", run { "cat", stdin = input }.stdout)
    kit.same({ code = 0 }, run(sh("echo x; echo y >&2", { stdout = "null", stderr = "null" })))
    os.remove(path)
    local closed = io.tmpfile()
    closed:close()
    h.raises("bad option 'stdout'", function() run { "true", stdout = closed } end)
  end)

  it("refuses wrong options with the caller's position", function()
    h.raises("contains a zero byte", function() run { "echo", "a\0b" } end)
    h.raises("contains a zero byte", function() run { "true", env = { A = "\0" } } end)
    h.raises("a program is missing", function() run {} end)
    h.raises("bad argument #2 of the program %(string expected, got table%)", function() run { "echo", {} } end)
    h.raises("unknown option 'colour' for a subprocess", function() run { "true", colour = 1 } end)
    h.raises("bad option 'timeout'", function() run { "true", timeout = -1 } end)
    h.raises("bad option 'timeout'", function() run { "true", timeout = 0 / 0 } end)
    h.raises("bad option 'timeout'", function() run { "true", timeout = "1" } end)
    kit.raises("bad argument #1 to 'run' (table expected, got no value)", function() run() end)
    kit.raises("bad argument #1 to 'popen' (table expected, got string)", function() popen "true" end)
    h.raises("bad option 'stdin'", function() run { "true", stdin = "nothing" } end)
    h.raises("bad option 'stdin' %(there is an input%)", function() run { "true", stdin = "null", input = "x" } end)
    h.raises("bad option 'env'", function() run { "true", env = { ["a=b"] = "c" } } end)
  end)

  it("is cancelled with its thread, and kills the program", function()
    for _, kind in ipairs(h.kinds) do
      local t = concur[kind](function() return concur.subprocess.run { "sleep", "31" } end):start()
      h.await_status(t, "waiting")
      t:cancel()
      kit.same({ false, concur.CANCELLED, n = 2 }, table.pack(h.join(t)))
      local left <close> = io.popen("pgrep -fc 'sleep [3]1'")
      assert.equal(0, left:read("n"))
    end
  end)

  it("runs in many threads at once, and leaves neither descriptors nor zombies", function()
    local function descriptors()
      local list <close> = io.popen("ls -l /proc/" .. pid_of_this() .. "/fd | grep -c -v pipe")
      return list:read("n")
    end
    run { "true" }
    local before
    kit.eventually("what earlier tests had is closed", function()
      local last = before
      before = descriptors()
      return before == last
    end)
    local list = {}
    for i = 1, 8 do
      list[i] = concur.spawn(function()
        for k = 1, 10 do
          local text = ("%d %d "):format(i, k):rep(5000)
          assert(concur.subprocess.run { "cat", input = text }.stdout == text)
          if k % 3 == 0 then concur.subprocess.popen { "true" } end
        end
      end)
    end
    for _, t in ipairs(list) do h.results(t) end
    collectgarbage()
    kit.eventually("no zombies", function()
      run { "true" } -- reaps what nobody waited for
      local zombies <close> = io.popen("ps -o stat= --ppid " .. pid_of_this() .. " | grep -c Z")
      return zombies:read("n") == 0
    end)
    kit.eventually("none is left", function() return descriptors() <= before end)
  end)

  it("works when the standard descriptors are closed", function()
    local r = h.run([[
      local concur = require "concur"
      local r = concur.subprocess.run {"cat", input = "through"}
      local f <close> = assert(io.open(arg[0] .. ".result", "w"))
      f:write(r.stdout)
    ]], { shell = "exec <&- " })
    assert.equal(0, r.code, r.text)
  end)
end)

describe("subprocess.popen", function()
  before_each(function() concur.excepthook = false end)

  it("talks with a program", function()
    local p <close> = assert(popen { "cat" })
    for i = 1, 100 do
      assert.equal(p, p:write("line ", i, "\n"))
      assert.equal("line " .. i, p:read())
    end
    p:close_stdin()
    assert.is_nil(p:read())
    kit.same({ code = 0, stdout = "", stderr = "" }, p:wait())
    kit.same({ nil, "closed", n = 2 }, table.pack(p:write("late")))
  end)

  it("reads in the formats of files", function()
    local p = popen { "printf", "one\\ntwo\\n 0x10 -3.5e1 rest\\nof it" }
    kit.same({ "one", "two\n", 16, -35.0, n = 4 }, table.pack(p:read("l", "L", "n", "n")))
    assert.equal(" rest\n", p:read("L"))
    kit.same({ "of", " it", nil, n = 3 }, table.pack(p:read(2, 10, 1)))
    assert.equal("", p:read("a"))
    assert.is_nil(p:read(0))
    assert.equal("", popen(sh "echo x"):read(0))
    h.raises("bad argument #1 to 'read'", function() p:read("x") end)
    local lines = {}
    for line in popen { "printf", "a\\n\\nb" }:lines() do lines[#lines + 1] = line end
    kit.same({ "a", "", "b" }, lines)
    assert.equal("err", popen(sh "echo err >&2"):read_stderr())
  end)

  it("waits with a timeout, again and again", function()
    local p = popen(sh "read x; echo got $x")
    kit.same({ nil, "timeout", n = 2 }, table.pack(p:wait(0.02)))
    p:write("it\n")
    local result = p:wait(T)
    kit.same({ code = 0, stdout = "got it\n", stderr = "" }, result)
    kit.same(result, p:wait())
    assert.is_false(p:kill())
    assert.matches("^concur%.subprocess: %d+ %(sh, ended%)$", tostring(p))
  end)

  it("kills the group", function()
    local p = popen(sh "sleep 32 & sleep 32")
    assert.equal("integer", math.type(p.pid))
    assert.is_true(p:kill())
    assert.equal(9, p:wait(T).signal)
    local left <close> = io.popen("pgrep -fc 'sleep [3]2'")
    assert.equal(0, left:read("n"))
    do
      local q <close> = popen { "sleep", "33" }
      assert.is_true(q.pid > 0)
    end
    local right <close> = io.popen("pgrep -fc 'sleep [3]3'")
    assert.equal(0, right:read("n"))
  end)

  it("a write to a program that reads nothing ends, and no signal kills this one", function()
    local p = popen { "true" }
    p:wait(T)
    local ok, why = p:write(("x"):rep(1 << 20))
    assert.is_nil(ok)
    assert.equal("closed", why)
  end)

  it("never blocks on output that nobody reads", function()
    local p = popen(sh "head -c 5000000 /dev/zero; cat")
    p:write(("y"):rep(1 << 20))
    local result = p:wait()
    assert.equal(5000000 + (1 << 20), #result.stdout)
  end)
end)
