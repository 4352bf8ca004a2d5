--- A client of a manager's server in plain Lua, on concur.async: for specs that send what no decent client sends.
local async = require "concur.async"
local concur = require "concur"
local sodium = require "concur.sodium"

local link = {}
link.__index = link

--- A connection that has done the handshake; or nil and what went wrong.
function link.connect(address, authkey)
  local stream = assert(async.connect(address))
  local session = sodium.client(authkey, 64 << 20)
  stream:write(session:hello())
  local answer = stream:read(72)
  if not answer or #answer < 72 then return nil, "closed" end
  local proof = session:answer(answer)
  if not proof then return nil, "no proof" end
  stream:write(proof)
  local verdict = stream:read(1)
  if verdict ~= "\1" then return nil, verdict end
  local mac = stream:read(32)
  if not session:confirm(verdict .. mac) then return nil, "not the server" end
  return setmetatable({ stream = stream, session = session, id = 0 }, link)
end

function link:send(text) return self.stream:write(self.session:seal(text)) end

--- The next frame that is no ping, or nil at the end.
function link:next()
  while true do
    local frame = self.session:next()
    if frame == false then return nil end
    if frame and frame:byte() ~= 0 then return frame end
    if not frame then
      local piece = self.stream:read_some()
      if not piece then return nil end
      self.session:feed(piece)
    end
  end
end

--- Begins a call; returns its number.
function link:begin(ident, object, name, ...)
  self.id = self.id + 1
  self:send(string.pack("<I1I8I8I8s1", 1, self.id, ident, object, name) .. concur._network_pack(...))
  return self.id
end

--- The next result: its number, its status, and what came with it; handles as {object=, kind=}.
function link:result()
  local frame = self:next()
  if not frame then return nil end
  local id, status, at = string.unpack("<I8I1", frame, 2)
  if status ~= 0 then return id, status, table.unpack(status == 1 and { concur._network_unpack(frame, at) } or {}) end
  local count
  count, at = string.unpack("<I1", frame, at)
  local handles = {}
  for i = 1, count do
    local place, object, kind
    place, object, kind, at = string.unpack("<I1I8s1", frame, at)
    handles[i] = { place = place, object = object, kind = kind }
  end
  local results = table.pack(concur._network_unpack(frame, at))
  for _, handle in ipairs(handles) do results[handle.place] = handle end
  return id, status, table.unpack(results, 1, results.n)
end

--- A whole call: its results, or the error raised.
function link:call(ident, object, name, ...)
  local id = self:begin(ident, object, name, ...)
  local results = table.pack(self:result())
  assert(results[1] == id, "another call's result")
  if results[2] ~= 0 then error(results[3], 0) end
  return table.unpack(results, 3, results.n)
end

function link:close() self.stream:close() end

return link
