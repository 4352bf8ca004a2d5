-- concur.trace: what a timeline has, in threads and in processes.
local concur = require "concur"
local blocks = require "spec.support.blocks"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

-- Every event stands on a line of its own, so that a pattern makes a Lua table of it.
local function read(path)
  local events, head = {}, nil
  for line in io.lines(path) do
    local text = line:gsub(",$", ""):gsub('"([%a_]+)":', "%1="):gsub("\\u(%x%x%x%x)", "\\u{%1}")
    if line:find '^{"ph"' then
      events[#events + 1] = assert(load("return " .. text))()
    elseif line:find "^{" then
      head = line
    end
  end
  assert(head:find('"displayTimeUnit":"ms"', 1, true) and head:find('"traceEvents":[', 1, true))
  return events, tonumber(head:match '"dropped":(%d+)'), tonumber(head:match '"seconds":([%d.]+)')
end

local function traced(fn, options)
  local events, dropped, seconds
  blocks.with_directory(function(directory)
    local path = directory .. "/trace.json"
    assert.is_true(concur.trace.start(path, options))
    local ok, err = pcall(fn)
    assert.equal(path, concur.trace.stop())
    if not ok then error(err, 0) end
    events, dropped, seconds = read(path)
  end)
  return events, dropped, seconds
end

local function select_by(events, fields)
  local found = {}
  for _, e in ipairs(events) do
    local same = true
    for name, value in pairs(fields) do same = same and e[name] == value end
    if same then found[#found + 1] = e end
  end
  return found
end

local function one(events, fields)
  local found = select_by(events, fields)
  assert(#found == 1, #found .. " events")
  return found[1]
end

kit.each_kind(function(kind)
  describe("concur.trace", function()
    it("shows threads, and what they wait for", function()
      local event, queue, lock = concur.event(), concur.queue(), concur.lock()
      local worker
      local events, dropped = traced(function()
        lock:acquire()
        worker = kind.spawn(function()
          event:wait()
          queue:get(0.02)
          lock:with(function() concur.sleep(0.01) end)
          concur.sleep(0.005)
        end)
        kit.until_waiting(worker)
        event:set()
        kit.eventually("it waits for the lock", function() return queue:empty() and worker:status() == "waiting" end)
        concur.sleep(0.04)
        lock:release()
        kit.join(worker)
      end)
      assert.equal(0, dropped)
      local main = one(select_by(events, { ph = "M", name = "thread_name" }), { tid = concur.current().ident })
      assert.equal(concur.current().name, main.args.name)
      local waits = select_by(events, { ph = "X", cat = "wait", name = ("wait event #%d"):format(event:id()) })
      assert.equal(1, #waits)
      local tid, pid = waits[1].tid, waits[1].pid
      assert(tid ~= main.tid and (kind.name == "process") == (pid ~= main.pid))
      local slice = one(events, { ph = "X", cat = "thread", tid = tid })
      assert.equal(pid, slice.pid)
      for _, e in ipairs(select_by(events, { ph = "X", tid = tid })) do
        assert(e.ts >= slice.ts - 1 and e.ts + e.dur <= slice.ts + slice.dur + 1, e.name)
      end
      local q = one(events, { cat = "wait", name = ("wait queue #%d"):format(queue:id()), tid = tid })
      assert(q.dur >= (h.sanitized and 5000 or 19000), tostring(q.dur))
      assert(#select_by(events, { cat = "wait", name = "sleep", tid = tid }) >= 2)
      local held = select_by(events, { cat = "lock", name = ("held lock #%d"):format(lock:id()) })
      local edges = {}
      for _, e in ipairs(held) do edges[e.tid .. e.ph] = e end
      assert.equal(4, #held) -- two holds, with two ends each
      assert(edges[tid .. "e"].ts - edges[tid .. "b"].ts >= 9900)
      assert(edges[main.tid .. "e"].ts <= edges[tid .. "b"].ts + 1)
    end)

    it("shows the tasks of pools and how many items queues have", function()
      local queue = concur.queue()
      local ready = concur.event()
      local events = traced(function()
        local pool = concur.pool { workers = 1, kind = kind.name }
        for i = 1, 3 do queue:put(i) end
        pool:submit(function() concur.sleep(0.03) ready:set() end):result(kit.TIMEOUT)
        assert(ready:is_set())
        pool:close()
        pool:join()
      end)
      local task = assert(select_by(events, { ph = "X", cat = "task" })[1])
      assert(task.name:find "^task of pool #%d+$" and task.dur >= 29000)
      local depths = select_by(events, { ph = "C", name = ("queue #%d"):format(queue:id()) })
      assert.equal(3, depths[#depths].args.items)
    end)
  end)
end)

describe("concur.trace", function()
  it("keeps what a killed process did", function()
    local event = concur.event()
    local events = traced(function()
      local process = concur.process(function()
        concur.sleep(0.01)
        event:set()
        concur.sleep(60)
      end):start()
      event:wait(kit.TIMEOUT)
      process:kill()
      process:join()
    end)
    local sleeps = 0
    for _, e in ipairs(select_by(events, { cat = "wait", name = "sleep" })) do
      if e.dur >= 9900 then sleeps = sleeps + 1 end
    end
    assert(sleeps >= 1)
  end)

  it("can be stopped by another thread, and begun again", function()
    blocks.with_directory(function(directory)
      for round = 1, 3 do
        local path = ("%s/%d.json"):format(directory, round)
        concur.trace.start(path)
        local e = concur.event()
        e:wait(0.001 * round)
        assert.equal(path, kit.join(concur.spawn(function() return concur.trace.stop() end)))
        local events = read(path)
        local waits = 0
        for _, w in ipairs(select_by(events, { cat = "wait" })) do
          if w.name:find "^wait event" then waits = waits + 1 end
        end
        assert.equal(1, waits) -- of this round alone
      end
    end)
  end)

  it("keeps the first events and counts the others", function()
    local events, dropped = traced(function()
      local e = concur.event()
      for _ = 1, 600 do e:wait(0.00001) end
    end, { limit = 200 })
    local waits = #select_by(events, { cat = "wait" })
    assert(waits > 50 and waits < 300 and dropped > 300, ("%d waits, %d left out"):format(waits, dropped))
  end)

  it("goes on while threads come and go", function()
    blocks.with_directory(function(directory)
      local stop, threads, lock = concur.event(), {}, concur.lock()
      for i = 1, 4 do
        threads[i] = concur.spawn(function()
          local n = 0
          while not stop:is_set() do
            lock:with(function() n = n + 1 end)
            concur.spawn(function() end):join()
          end
          return n
        end)
      end
      for round = 1, 10 do
        concur.trace.start(directory .. "/trace.json", { limit = 20000 })
        concur.sleep(0.005)
        concur.trace.stop()
        assert(#read(directory .. "/trace.json") > 4, round)
      end
      stop:set()
      for _, t in ipairs(threads) do assert(kit.join(t) > 0) end
    end)
  end)

  it("does not hide a deadlock", function()
    blocks.with_directory(function(directory)
      concur.trace.start(directory .. "/trace.json")
      local ok, err = pcall(function() concur.event():wait() end)
      concur.trace.stop()
      assert(not ok and tostring(err):find("deadlock:", 1, true), err)
    end)
  end)

  it("shows the tasks of event loops", function()
    if not pcall(require, "luv") then return end
    local events = traced(function()
      concur.async.run(function()
        local n = 0
        concur.async.gather(concur.async.spawn(function()
          for i = 1, 200000 do n = n + i end
          concur.async.sleep(0.01)
        end))
      end)
    end)
    local slices = {}
    for _, e in ipairs(select_by(events, { cat = "task" })) do slices[#slices + 1] = e.name:match "^task 0x%x+$" end
    assert(#slices > 0)
    assert(#select_by(events, { cat = "wait", name = "wait for tasks and I/O" }) > 0)
  end)

  it("knows the ends of threads that another names", function()
    blocks.with_directory(function(directory)
      local go, started = concur.event(), concur.event()
      local first = concur.spawn(function() go:wait(kit.TIMEOUT) end)
      local starter = concur.spawn(function()
        concur.trace.start(directory .. "/trace.json")
        started:set()
        return concur.current().ident
      end)
      assert(started:wait(kit.TIMEOUT))
      go:set()
      kit.join(first)
      kit.join(starter)
      concur.sleep(0.05)
      concur.trace.stop()
      local slice = one(read(directory .. "/trace.json"), { ph = "X", cat = "thread", tid = first.ident })
      local main = one(read(directory .. "/trace.json"), { ph = "X", cat = "thread", tid = concur.current().ident })
      assert(slice.dur <= main.dur - 40000, slice.dur)
    end)
  end)

  it("keeps as few events as it is told", function()
    for limit = 1, 3 do
      local events, dropped = traced(function()
        for _ = 1, 10 do concur.sleep(0.0001) end
      end, { limit = limit })
      assert(#events <= 2 * limit and dropped >= 10 - limit, #events)
    end
  end)

  it("is one that goes on until its file is written", function()
    blocks.with_directory(function(directory)
      local paths, good = {}, concur.value(0)
      for i = 1, 4 do
        paths[i] = concur.spawn(function(path)
          for k = 1, 25 do -- a file each, since others may stop a trace, and read it while the next one is written
            local begun, err = pcall(concur.trace.start, path:format(k), { limit = 3000 })
            assert(begun or err:find("a trace goes on already", 1, true), err)
            for _ = 1, 50 do concur.sleep(0.00001) end
            local ended, result = pcall(concur.trace.stop)
            assert(ended or result:find("no trace goes on", 1, true), result)
            if ended then
              local file <close> = assert(io.open(result))
              local text = file:read "a"
              assert(text:find "^{.*\n]}\n$" and not text:find '"dur":%-', result)
              good:add(1)
            end
          end
        end, ("%s/%d-%%d.json"):format(directory, i))
      end
      for _, t in ipairs(paths) do kit.join(t) end
      assert(good:get() > 0)
    end)
  end)

  it("can be begun again when a process was killed in the middle of stop, or of start", function()
    blocks.with_directory(function(directory)
      local begun = concur.event()
      for i = 1, 12 do
        begun:clear()
        local p = concur.process(function(path)
          for round = 1, math.huge do
            pcall(concur.trace.start, path)
            for _ = 1, 300 do concur.event():wait(0) concur.sleep(0) end
            pcall(concur.trace.stop)
            if round == 2 then begun:set() end
          end
        end, directory .. "/child.json"):start()
        assert(begun:wait(kit.TIMEOUT))
        concur.sleep(0.0007 * i)
        p:kill()
        p:join()
        pcall(concur.trace.stop)
        assert(concur.trace.start(directory .. "/trace.json"))
        concur.trace.stop()
      end
    end)
  end)

  it("leaves a file alone when it cannot begin", function()
    blocks.with_directory(function(directory)
      local path = directory .. "/precious"
      local file <close> = assert(io.open(path, "w"))
      file:write "precious"
      file:close()
      concur.trace.start "/dev/null"
      kit.raises("a trace goes on already", function() concur.trace.start(path) end)
      concur.trace.stop()
      assert.equal("precious", h.read(path))
    end)
  end)

  it("has any name of a thread in valid JSON", function()
    local names = {
      '"\\\1\127\n', "\255\254\192\128", "\237\160\128", "\226\130", "</script><!--<script>", "äöü€😀äöü€😀",
      "%d%s",
    }
    local events = traced(function()
      for _, name in ipairs(names) do
        kit.join(concur.thread { name = name, target = function() concur.sleep(0.0001) end }:start())
      end
    end)
    local found = {}
    for _, e in ipairs(select_by(events, { ph = "M", name = "thread_name" })) do
      assert(utf8.len(e.args.name), e.args.name)
      found[e.args.name] = true
    end
    assert(found["</script><!--<script>"] and found["%d%s"])
  end)

  it("raises for misuse, at the caller", function()
    kit.raises("no trace goes on", function() concur.trace.stop() end)
    kit.raises("bad argument #1 to 'start' (string expected, got nil)", function() concur.trace.start() end)
    kit.raises("bad option 'limit' (a positive integer expected)",
      function() concur.trace.start("/dev/null", { limit = 0 }) end)
    kit.raises("unknown option 'depth' for a trace", function() concur.trace.start("/dev/null", { depth = 1 }) end)
    kit.raises("cannot write the trace: /nowhere/x.json: No such file or directory",
      function() concur.trace.start "/nowhere/x.json" end)
    kit.raises("bad argument #2 to 'start' (table expected, got number)",
      function() concur.trace.start("/dev/null", 5) end)
    kit.raises("bad argument #1 to 'start' (a path has no zero bytes)",
      function() concur.trace.start "/dev/null\0x" end)
    kit.raises("cannot start the trace: File name too long",
      function() concur.trace.start("/dev/" .. ("./"):rep(600) .. "null") end)
    concur.trace.start "/dev/full"
    kit.raises("cannot write the trace: /dev/full: No space left on device", function() concur.trace.stop() end)
    concur.trace.start "/dev/null"
    kit.raises("a trace goes on already", function() concur.trace.start "/dev/null" end)
    concur.trace.stop()
    kit.raises("/dev/null is not a trace of concur", function() concur.trace.page("/dev/null", "/dev/null") end)
  end)

  describe("page", function()
    local function page(fn)
      blocks.with_directory(function(directory)
        concur.trace.start(directory .. "/trace.html")
        local thread = concur.thread { name = "</script>&<b><!--<script>", target = function()
          concur.lock():with(function() concur.sleep(0.005) end)
          concur.queue():get(0.001)
        end }
        kit.join(thread:start())
        local q <const> = concur.queue()
        q:put(1)
        concur.sleep(0.02)
        concur.trace.stop()
        fn(directory .. "/trace.html")
      end)
    end

    it("is one file without outside resources", function()
      page(function(path)
        local html = h.read(path)
        assert(html:find "^<!DOCTYPE html>" and html:find "</html>%s*$")
        assert(not html:find "https?://" and not html:find "src=" and not html:find "@TRACE@")
        local _, scripts = html:gsub("</script>", "")
        assert.equal(2, scripts)
      end)
    end)

    local browser = h.has "chromium" and "chromium" or h.has "chromium-browser" and "chromium-browser"
    if not browser or os.getenv "LD_PRELOAD" then return end

    it("opens in a browser", function()
      page(function(path)
        local command = ("timeout 60 %s --headless --no-sandbox --disable-gpu --dump-dom 'file://%s' 2>%s.log")
        local pipe <close> = assert(io.popen(command:format(browser, path, path)))
        local dom = pipe:read "a"
        local status = dom:match '<p id="status">(.-)</p>'
        assert(status and status:find "^%d+ threads, 1 processes, %d+ locks, %d+ queues, %d+ events in [%d.]+ s$",
          status or h.read(path .. ".log"))
        assert(dom:find("<td>&lt;/script&gt;&amp;&lt;b&gt;&lt;!--&lt;sc", 1, true))
        assert(dom:find "<td>held lock #%d+</td>" and dom:find "<td>queue #%d+</td>")
      end)
    end)
  end)
end)
