-- concur.sodium: the sessions of managers. Without libsodium there is nothing to test.
local kit = require "spec.support.kit"
local resident = require "spec.support.resident"

local found, sodium = pcall(require, "concur.sodium")
if not found then
  describe("without libsodium", function()
    it("there is no concur.sodium", function() assert.is_truthy(tostring(sodium):find "concur.sodium") end)
  end)
  return
end

-- Both sides after the handshake, and its messages.
local function handshake(key, other_key, max_message)
  local client, server = sodium.client(key, max_message), sodium.server(other_key or key, max_message)
  local hello = client:hello()
  local answer = server:hello(hello)
  local proof = client:answer(answer)
  local mac = server:prove(proof)
  return client, server, mac, { hello, answer, proof }
end

local function open_pair(max_message)
  local client, server, mac = handshake("a key", nil, max_message)
  assert(client:confirm("\1" .. mac) == true)
  return client, server
end

local function changed(s, i, by) return s:sub(1, i - 1) .. string.char(s:byte(i) ~ by) .. s:sub(i + 1) end

describe("the handshake", function()
  it("opens both sides for the same key", function()
    for _, key in ipairs { "k", ("x"):rep(1000), "\0\0", "\0" } do
      local client, server, mac, messages = handshake(key)
      kit.same({ 40, 72, 64, 32 }, { #messages[1], #messages[2], #messages[3], #mac })
      assert.is_true(client:confirm("\1" .. mac))
      server:feed(client:seal "to the server")
      assert.equal("to the server", server:next())
      client:feed(server:seal "to the client")
      assert.equal("to the client", client:next())
    end
  end)

  it("never says the same twice", function()
    local seen = {}
    for _ = 1, 5 do
      local _, _, mac, messages = handshake "k"
      messages[4] = mac
      for i, s in ipairs(messages) do
        local random = i < 3 and s:sub(9) or s
        assert.is_nil(seen[random])
        seen[random] = true
      end
    end
  end)

  it("fails for another key, on the server's side, which proves nothing then", function()
    for _, other in ipairs { "b", "A", "a\0", "aa" } do
      local _, server, mac = handshake("a", other)
      assert.is_nil(mac)
      assert.is_false(server:next())
      kit.raises("the session is not open", function() server:seal "x" end)
    end
  end)

  it("fails when any byte of any message was changed", function()
    for i = 1, 40 do
      local client, server = sodium.client "k", sodium.server "k"
      local answer = server:hello(changed(client:hello(), i, 1))
      if answer then assert.is_nil(server:prove(client:answer(answer))) end
    end
    for i = 1, 72 do
      local client, server = sodium.client "k", sodium.server "k"
      local proof = client:answer(changed(server:hello(client:hello()), i, 1))
      if proof then assert.is_nil(server:prove(proof)) end
    end
    for i = 1, 64 do
      local client, server = sodium.client "k", sodium.server "k"
      assert.is_nil(server:prove(changed(client:answer(server:hello(client:hello())), i, 0x80)))
    end
    for i = 1, 33 do
      local client, _, mac = handshake "k"
      assert.is_nil(client:confirm(changed("\1" .. mac, i, 1)))
    end
  end)

  it("refuses the neutral element as a share, by which a stranger would know all keys", function()
    local client, server = sodium.client "k", sodium.server "k"
    local answer = server:hello(client:hello())
    assert.is_nil(server:prove(("\0"):rep(64)))
    assert.is_nil(client:answer(answer:sub(1, 40) .. ("\0"):rep(32)))
    local other = sodium.client "k"
    other:hello()
    assert.is_nil(other:answer(answer:sub(1, 40) .. ("\xff"):rep(32)))
  end)

  it("refuses its own messages sent back, and a handshake of the past", function()
    local _, _, _, old = handshake "k"
    local server = sodium.server "k"
    server:hello(old[1])
    assert.is_nil(server:prove(old[3]))
    local client = sodium.client "k"
    local hello = client:hello()
    assert.is_nil(client:confirm("\1" .. hello:sub(1, 32)))
  end)

  it("goes one way only", function()
    local client, server = sodium.client "k", sodium.server "k"
    assert.is_nil(server:prove(("x"):rep(64)))
    assert.is_nil(server:hello(client:hello()))
    assert.is_nil(client:hello())
    assert.is_nil(client:answer(("x"):rep(72)))
  end)

  it("raises for misuse", function()
    kit.raises("bad argument #1 to 'client' (…", function() sodium.client() end)
    kit.raises("bad argument #1 to 'server' (the key must not be empty)", function() sodium.server "" end)
    kit.raises("bad argument #2 to 'server' (out of range)", function() sodium.server("k", 0) end)
    kit.raises("bad argument #2 to 'server' (out of range)", function() sodium.server("k", (1 << 31) + 1) end)
    kit.raises("bad argument #1 to 'hello' (40 bytes expected)", function() sodium.server "k":hello "short" end)
    local s = sodium.server "k"
    s:close()
    s:close()
    kit.raises("the session is closed", function() s:next() end)
  end)
end)

describe("frames", function()
  it("carry any bytes, in order, however they are cut", function()
    local client, server = open_pair()
    local sent, stream = {}, {}
    for i = 1, 60 do
      sent[i] = ("\0\255" .. i):rep(i * i)
      stream[i] = client:seal(sent[i])
    end
    stream = table.concat(stream)
    local got, at, step = {}, 1, 1
    while at <= #stream do
      server:feed(stream:sub(at, at + step - 1))
      at, step = at + step, step * 7 % 5003 + 1
      for s in function() return server:next() or nil end do got[#got + 1] = s end
    end
    kit.same(sent, got)
    assert.is_nil(server:next())
  end)

  it("end the session when they are changed, repeated, left out, swapped or turned back", function()
    local function over(server, bytes)
      server:feed(bytes)
      assert.is_false(server:next())
      server:feed "more"
      assert.is_false(server:next())
    end
    local client, server
    local frame = open_pair():seal "message"
    for i = 5, #frame do
      client, server = open_pair()
      over(server, changed(client:seal "message", i, 4))
    end
    client, server = open_pair()
    frame = client:seal "message"
    server:feed(frame)
    assert.equal("message", server:next())
    over(server, frame)
    client, server = open_pair()
    client:seal "left out"
    over(server, client:seal "message")
    client, server = open_pair()
    local first, second = client:seal "1", client:seal "2"
    over(server, second .. first)
    client = open_pair()
    over(client, client:seal "turned back")
    client, server = open_pair()
    frame = client:seal "message"
    over(server, string.pack("<I4", #frame - 5) .. frame:sub(5))
  end)

  it("refuse impossible lengths at once", function()
    for _, n in ipairs { 0, 1, 16, 1000 + 1024 + 17, 1 << 31, (1 << 32) - 1 } do
      local _, server = open_pair(1000)
      server:feed(string.pack("<I4", n))
      assert.is_false(server:next(), n)
    end
    for _, n in ipairs { 17, 1000 + 1024 + 16 } do
      local _, server = open_pair(1000)
      server:feed(string.pack("<I4", n))
      assert.is_nil(server:next(), n)
    end
    local client = open_pair(1000)
    assert.equal(1000 + 1024 + 20, #client:seal(("x"):rep(1000 + 1024)))
    kit.raises("bad argument #1 to 'seal' (message too large)", function() client:seal(("x"):rep(1000 + 1025)) end)
    kit.raises("bad argument #1 to 'seal' (empty message)", function() client:seal "" end)
  end)

  it("open one by one, too", function()
    local client, server = open_pair()
    local frame = client:seal "one"
    assert.equal("one", server:open(frame:sub(5), frame:sub(1, 4)))
    assert.equal("two", server:open(client:seal "two":sub(5)))
    assert.is_nil(server:open(client:seal "three":sub(5), "\0\0\0\0"))
    assert.is_nil(server:open(client:seal "four":sub(5)))
  end)

  it("take no memory for a claim", function()
    local before, kept = resident(), {}
    for i = 1, 200 do
      local _, server = open_pair(1 << 30)
      server:feed(string.pack("<I4", 1 << 30) .. "a little")
      assert.is_nil(server:next())
      kept[i] = server
    end
    assert.is_true(resident() - before < 50 << 20)
    assert.equal(200, #kept)
  end)
end)

describe("a server's session under random bytes", function()
  it("never crashes, and opens nothing that was changed", function()
    local random = 12345
    local function rnd(n)
      random = (random * 6364136223846793005 + 1442695040888963407)
      return (random >> 33) % n
    end
    for _ = 1, 5000 do
      local client, server = open_pair(4096)
      local frames = {}
      for i = 1, 4 do frames[i] = client:seal(("m"):rep(1 + rnd(60))) end
      local good = table.concat(frames)
      -- one session for many streams would be over with the first: what is fed is cut in two
      local bytes
      local kind = rnd(5)
      local at = 1 + rnd(#good)
      if kind == 0 then bytes = changed(good, at, 1 << rnd(8))
      elseif kind == 1 then bytes = good:sub(1, at - 1) .. good:sub(at + 1 + rnd(20))
      elseif kind == 2 then bytes = good:sub(1, at - 1) .. string.char(rnd(256)) .. good:sub(at)
      elseif kind == 3 then bytes = frames[2] .. good
      else bytes = string.pack("<I8I8I8", random, ~random, random * 3) .. good end
      local got = {}
      while #bytes > 0 do
        local n = 1 + rnd(40)
        server:feed(bytes:sub(1, n))
        bytes = bytes:sub(n + 1)
        for s in function() return server:next() or nil end do got[#got + 1] = s end
      end
      assert.is_true(#got <= 4)
      for _, s in ipairs(got) do assert.is_nil(s:find "[^m]") end
    end
    for _ = 1, 20000 do
      local server = sodium.server("k", 100)
      local bytes = string.pack("<I8I8I8I8I8", rnd(1 << 31), rnd(1 << 31), rnd(1 << 31), rnd(1 << 31), rnd(1 << 31))
      local kind = rnd(4)
      if kind > 1 then bytes = "concur\0\1" .. bytes:sub(9) end
      local answer = server:hello(bytes)
      assert.equal(kind > 1, answer ~= nil)
      if kind == 3 then assert.is_nil(server:prove(bytes .. bytes:sub(1, 24))) end
      server:feed(bytes)
      assert.is_false(server:next())
    end
  end)
end)
