--- Byte streams that went wrong, sent to a live server of a manager: strangers' and clients'.
local async = require "concur.async"
local concur = require "concur"
local link = require "spec.support.link"
local resident = require "spec.support.resident"
local servers = require "concur.manager.server"
local sodium = require "concur.sodium"

local KEY = "fuzz"
local random = math.random

-- One to four changes: a byte changed, bytes cut out, put in twice, a length made large.
local function mutate(text)
  for _ = 1, random(4) do
    local n, at = #text, random(#text + 1)
    local what = random(5)
    if what == 1 and n > 0 then
      text = text:sub(1, at - 1) .. string.char(random(0, 255)) .. text:sub(at + 1)
    elseif what == 2 then
      text = text:sub(1, at - 1) .. text:sub(at + random(8))
    elseif what == 3 then
      text = text:sub(1, at) .. text:sub(at - random(8) > 0 and at - random(8) or 1)
    elseif what == 4 then
      text = text:sub(1, at - 1) .. string.pack("<I8", 1 << random(8, 62)) .. text:sub(at + 8)
    else
      text = text:sub(1, at - 1)
    end
  end
  return text
end

local function frame_of(id, object)
  local names = { "get", "put", "__index", "acquire", "release", "add", "copy", "nonsense", "get_many", "wait" }
  local values = { 1, -1, "x", { 1, { 2 } }, 0.5, false, 1 << 62 }
  local kind = random(6)
  if kind == 1 then return string.pack("<I1I8", 2, random(4)) end
  if kind == 2 then return string.pack("<I1I8I4", 3, object, random(0, 3)) end
  if kind == 3 then return string.pack("<I1I8", 4, random(3)) end
  return string.pack("<I1I8I8I8s1", 1, id, random(3), object, names[random(#names)])
    .. concur._network_pack(values[random(#values)], random(2) == 1 and 0 or values[random(#values)])
end

local function stranger(address)
  local stream <close> = assert(async.connect(address))
  local session <close> = sodium.client(random(2) == 1 and KEY or "wrong", 1 << 20)
  local hello = session:hello()
  if random(2) == 1 then hello = mutate(hello) end
  stream:write(hello)
  if #hello < 40 then stream:shutdown() end -- else the server would wait for the rest, until the handshake's end
  if random(3) == 1 then return end
  local answer = stream:read(72)
  if answer and #answer == 72 then
    stream:write(mutate(session:answer(answer) or ("z"):rep(64)))
  end
  stream:shutdown()
  if random(2) == 1 then stream:read_some() end
end

local function client(address, objects)
  local other = link.connect(address, KEY)
  if not other then return end -- thrown out as one stranger of too many
  for i = 1, random(6) do
    local frame = frame_of(i, objects[random(#objects)])
    if random(2) == 1 then frame = mutate(frame) end
    if #frame == 0 then frame = "\0" end
    local sealed = other.session:seal(frame)
    if random(4) == 1 then sealed = mutate(sealed) end
    if not other.stream:write(sealed) then break end
  end
  if random(2) == 1 then
    other.stream:shutdown()
    while other.stream:read_some() do end
  end
  other:close()
end

--- Sends n streams to a server; raises unless it stays up, works, gives back all that was held and grows by at
-- most so many megabytes.
return function(n, megabytes)
  math.randomseed(tonumber(os.getenv "CONCUR_SEED") or 7)
  local objects = { concur.queue(10), concur.dict(), concur.list(), concur.value(1), concur.lock(), concur.rlock(),
    concur.semaphore(2), concur.event(), concur.latch(3), concur.condition() }
  local server <close> = servers.new { address = "127.0.0.1:0", authkey = KEY, max_message = 1 << 20, heartbeat = 600,
    handshake_timeout = 1 }
  server:register("object", function(i) return objects[i] end)
  server:register("hello", function() return "hello" end)
  server:start()
  async.run(function()
    local address = server:address()
    local good = assert(link.connect(address, KEY))
    local ids = { 0 }
    for i = 1, #objects do ids[i + 1] = good:call(1, 0, "object", i).object end
    local sent, before = 0, nil
    local function send()
      while sent < n do
        sent = sent + 1
        if sent == n // 4 then before = resident() end
        if random(3) == 1 then stranger(address) else client(address, ids) end
        if sent % 500 == 0 then
          local watch = assert(link.connect(address, KEY))
          assert(watch:call(1, 0, "hello") == "hello")
          watch:close()
        end
      end
    end
    local senders = {}
    for i = 1, 20 do senders[i] = send end
    async.gather(senders)
    assert(good:call(1, 0, "hello") == "hello")
    good:close()
    local deadline = concur.now() + 20
    while server:connections() > 0 do
      assert(concur.now() < deadline, "connections are left")
      async.sleep(0.01)
    end
    local grown = (resident() - (before or resident())) / (1 << 20)
    assert(grown <= megabytes, ("grown by %.1f MB"):format(grown))
  end)
end
