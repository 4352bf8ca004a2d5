-- concur.async: connections, names and programs.
local concur = require "concur"
local kit = require "spec.support.kit"

local async = concur.async
local T = kit.TIMEOUT

local function run(fn)
  local results = table.pack(async.run(function() return async.timeout(T, function() return "in time", fn() end) end))
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

local function echo(stream)
  for line in stream:lines "L" do stream:write(line) end
end

local function addresses()
  local list = { "127.0.0.1:0", "unix:" .. os.tmpname() .. ".socket" }
  if io.open "/proc/net/if_inet6" then list[#list + 1] = "[::1]:0" end
  return list
end

describe("a stream", function()
  it("goes over TCP, IPv6 and Unix sockets", function()
    for _, address in ipairs(addresses()) do
      run(function()
        local server <close> = assert(async.listen(address, echo))
        local stream <close> = assert(async.connect(server:address()))
        assert(stream:write("one\n", 2, "\nthr", "ee\n"))
        kit.same({ "one", "2\n", "three" }, { stream:read(), stream:read "L", stream:read "l" })
        if not address:find "unix" then assert.are.equal(server:address(), stream:peer()) end
        assert(stream:shutdown())
        assert.is_nil(stream:read())
      end)
    end
  end)

  it("reads lines, bytes and all", function()
    run(function()
      local server <close> = assert(async.listen("127.0.0.1:0", function(stream)
        stream:write("a\n\nbc")
        async.sleep(0.002)
        stream:write("d\nbytes")
        stream:write(("x"):rep(300000))
      end))
      local stream <close> = assert(async.connect(server:address()))
      kit.same({ "a", "", "bcd" }, { stream:read(), stream:read(), stream:read() })
      assert.are.equal("", stream:read(0))
      assert.are.equal("byt", stream:read(3))
      assert.are.equal("es", stream:read_some(2))
      assert.are.equal(300000, #stream:read "a")
      assert.is_nil(stream:read())
      assert.is_nil(stream:read(1))
      assert.are.equal("", stream:read "a")
      kit.raises("bad argument #1 to 'read' (invalid format)", function() stream:read "q" end)
    end)
  end)

  it("moves megabytes both ways at once, with slow readers", function()
    run(function()
      local text = ("0123456789abcdef"):rep(1 << 16)
      local server <close> = assert(async.listen("127.0.0.1:0", function(stream)
        while true do
          local piece = stream:read_some()
          if not piece then return end
          async.yield()
          stream:write(piece)
        end
      end))
      local stream <close> = assert(async.connect(server:address()))
      local writer = async.spawn(function()
        for _ = 1, 8 do assert(stream:write(text)) end
        stream:shutdown()
      end)
      local n = 0
      for _ = 1, 8 do
        local piece = stream:read(#text)
        assert(piece == text)
        n = n + #piece
      end
      assert.is_nil(stream:read_some())
      writer:await()
      assert.are.equal(8 << 20, n)
    end)
  end)

  it("tells what is wrong", function()
    run(function()
      local server = assert(async.listen "127.0.0.1:0")
      local address = server:address()
      kit.same({ nil, "EADDRINUSE: address already in use" }, { async.listen(address) })
      server:close()
      kit.same({ nil, "ECONNREFUSED" }, { async.connect(address) })
      kit.same({ nil, "ENOENT" }, { async.connect "unix:/no/such/place" })
      local list, err = async.resolve "no.such.name.invalid"
      assert(list == nil and err)
      kit.raises("bad argument #1 to 'connect' (string expected, got nil)", function() async.connect() end)
      assert.is_false(pcall(async.connect, "nonsense"))
      assert.is_false(pcall(async.listen, "unix:/" .. ("x"):rep(200)))
      assert.is_false(pcall(async.connect, "127.0.0.1:99999"))
    end)
  end)

  it("is left by a task that is cancelled, and by one that closes it", function()
    run(function()
      local server <close> = assert(async.listen "127.0.0.1:0")
      local stream = assert(async.connect(server:address()))
      local other <close> = assert(server:accept())
      local reader = async.spawn(function() return stream:read() end)
      while reader:status() ~= "waiting" do async.yield() end
      kit.raises("another task is reading from the stream", function() stream:read() end)
      reader:cancel()
      kit.same({ false, concur.CANCELLED }, { reader:join() })
      other:write "kept\n"
      assert.are.equal("kept", stream:read())
      reader = async.spawn(function() return stream:read() end)
      while reader:status() ~= "waiting" do async.yield() end
      stream:close()
      stream:close()
      assert.is_nil(reader:await())
      kit.raises("the stream is closed", function() stream:read() end)
      assert.is_nil(other:read())
    end)
  end)

  it("is served by one loop for hundreds of clients", function()
    run(function()
      local server <close> = assert(async.listen("127.0.0.1:0", echo))
      local clients = {}
      for i = 1, 300 do
        clients[i] = async.spawn(function()
          local stream <close> = assert(async.connect(server:address()))
          for j = 1, 5 do
            stream:write(i, " ", j, "\n")
            assert(stream:read() == i .. " " .. j)
          end
          return 1
        end)
      end
      local n = 0
      for _, client in ipairs(clients) do n = n + client:await() end
      assert.are.equal(300, n)
    end)
  end)
end)

describe("async.resolve", function()
  it("finds the addresses of a name", function()
    run(function()
      local list = assert(async.resolve "127.0.0.1")
      kit.same({ { ip = "127.0.0.1", family = "inet" } }, list)
      assert(#assert(async.resolve "localhost") >= 1)
    end)
  end)
end)

describe("async.popen", function()
  it("runs programs side by side", function()
    run(function()
      local list = {}
      for i = 1, 3 do
        list[i] = function()
          local program <close> = assert(async.popen { "sh", "-c", "read x; echo $x$x; echo oops >&2; exit " .. i })
          program.stdin:write(i, "\n")
          local out, err = program.stdout:read "a", program.stderr:read "a"
          return { out, err, program:wait().code }
        end
      end
      local results = async.gather(list)
      for i = 1, 3 do kit.same({ ("%d%d\n"):format(i, i), "oops\n", i }, results[i]) end
    end)
  end)

  it("gives programs no blocked signals, and a closed connection is an error, not a signal", function()
    run(function()
      local program <close> = assert(async.popen { "grep", "SigBlk", "/proc/self/status" })
      if io.open "/proc/self/status" then assert(program.stdout:read():find "SigBlk:%s+0000000000000000") end
      local ended <close> = assert(async.popen { "true" })
      ended:wait()
      local ok, message
      repeat ok, message = ended.stdin:write(("x"):rep(100000)) until not ok
      assert(message:find "EPIPE", message)
    end)
  end)

  it("says what cannot be run, and kills", function()
    run(function()
      local program, message = async.popen { "/no/such/program" }
      assert(program == nil and message:find "ENOENT")
      local sleeper = assert(async.popen { "sleep", "1000" })
      assert.is_true(sleeper:kill())
      kit.same({ signal = 9 }, sleeper:wait())
      sleeper:close()
    end)
  end)
end)
