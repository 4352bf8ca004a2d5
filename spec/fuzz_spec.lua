-- unpack of any bytes whatever: values, or `malformed data`, and no more memory
-- than the bytes justify.
local concur = require "concur"

local pack, unpack = concur.pack, concur.unpack
local SEED = tonumber(os.getenv("FUZZ_SEED")) or 20261126
local random = math.random

-- Bytes that decoding may need per byte of input, and beside it. An empty table
-- takes 3 bytes of input and 56 of memory; a slot of an array 1 and 16; growing
-- by doubling leaves as much again behind.
local PER_BYTE, FIXED = 160, 4096

-- {== seeds

local function seeds()
  local shared, deep, wide, record, floats = {}, {}, {}, {}, {}
  for _ = 1, 300 do deep = { deep } end
  for i = 1, 200 do wide[i] = i * 7919 end
  for i = 1, 60 do record["key" .. i] = { i, tostring(i) } end
  for i = 1, 40 do floats[i] = i / 3 end
  local cycle = { shared, shared, name = "cycle" }
  cycle.me, cycle[4], cycle[5] = cycle, shared, { cycle }
  local mixed = { 1, nil, 3, x = { 1.5, "s", true, false }, [-7] = "minus", [2.25] = "float", [true] = { {} } }
  local by_table = { [shared] = cycle, [{}] = {} }
  local list = {}
  for _, values in ipairs {
    { n = 0 }, { n = 1, nil }, { n = 3, true, false, nil }, { n = 6, 0, -1, 127, 128, -129, 70000 },
    { n = 3, math.maxinteger, math.mininteger, 1 << 40 }, { n = 3, 0.5, -0.0, math.huge }, { n = 2, "", "abc" },
    { n = 3, ("x"):rep(64), ("y"):rep(255), ("z"):rep(400) }, { n = 1, {} }, { n = 1, { {}, { {} }, {} } },
    { n = 1, mixed }, { n = 1, cycle }, { n = 2, cycle, shared }, { n = 1, deep }, { n = 1, wide }, { n = 1, record },
    { n = 1, floats }, { n = 1, by_table }, { n = 4, mixed, cycle, deep, "end" },
  } do
    list[#list + 1] = pack(table.unpack(values, 1, values.n))
  end
  return list
end

-- ==} {== mutations

local interesting = { 0, 1, 2, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc1, 0xfe, 0xff }

local function random_bytes(n)
  local bytes = {}
  for i = 1, n do bytes[i] = string.char(random(0, 255)) end
  return table.concat(bytes)
end

local function replaced(s, at, with) return s:sub(1, at - 1) .. with .. s:sub(at + #with) end

local mutations = {
  function(s) -- a bit
    if s == "" then return s end
    local at = random(#s)
    return replaced(s, at, string.char(s:byte(at) ~ (1 << random(0, 7))))
  end,
  function(s) -- a byte
    if s == "" then return s end
    return replaced(s, random(#s), string.char(random(0, 255)))
  end,
  function(s) -- a byte that means something: tags are from 0x80 on
    if s == "" then return s end
    local byte = random(2) == 1 and interesting[random(#interesting)] or random(0xc0, 0xdf)
    return replaced(s, random(#s), string.char(byte))
  end,
  function(s) return s:sub(1, random(0, #s)) end, -- cut off
  function(s) -- something taken out
    local a = random(#s + 1)
    return s:sub(1, a - 1) .. s:sub(a + random(8))
  end,
  function(s) -- something put in
    local a = random(#s + 1)
    return s:sub(1, a - 1) .. random_bytes(random(8)) .. s:sub(a)
  end,
  function(s, other) -- a splice
    return s:sub(1, random(0, #s)) .. other:sub(random(#other))
  end,
  function(s) -- a piece again
    local a = random(#s + 1)
    local b = math.min(#s, a + random(16))
    return s:sub(1, b) .. s:sub(a)
  end,
  function(s) -- a length bomb: a varint or fixed length of ones
    local a = random(#s + 1)
    local bombs = {
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xff\xff\xff\xff\x0f", "\xff\xff\x7f", "\xff\xff\xff\xff",
      "\xff\xff\xff\xff\xff\xff\xff\x7f", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "\xfe\xff\xff\x7f",
    }
    local bomb = bombs[random(#bombs)]
    return random(2) == 1 and replaced(s, a, bomb) or s:sub(1, a - 1) .. bomb .. s:sub(a)
  end,
  function() return pack():sub(1, random(3)) .. random_bytes(random(0, 200)) end, -- noise behind a fair beginning
  function() return random_bytes(random(0, 100)) end,
}

-- ==} {== what must hold

local function hex(s)
  return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- Nothing but plain data, whole enough to be walked.
local function is_plain(v, seen)
  local kind = type(v)
  if kind == "table" then
    if seen[v] then return true end
    seen[v] = true
    if debug.getmetatable(v) ~= nil then return false end
    local list = { v } -- no recursion: it may be deep
    while #list > 0 do
      local t = table.remove(list)
      if debug.getmetatable(t) ~= nil then return false end
      for k, x in next, t do
        for _, part in ipairs { k, x } do
          if type(part) == "table" then
            if not seen[part] then
              seen[part] = true
              list[#list + 1] = part
            end
          elseif not is_plain(part, seen) then
            return false
          end
        end
      end
    end
    return true
  end
  return kind == "nil" or kind == "boolean" or kind == "number" or kind == "string"
end

local failures

local function check(decode, s, where)
  collectgarbage("stop")
  local before = collectgarbage("count")
  local results = table.pack(pcall(decode, s))
  local growth = (collectgarbage("count") - before) * 1024
  local trouble
  if growth > FIXED + PER_BYTE * #s then
    trouble = ("%d bytes of memory for %d of input"):format(growth, #s)
  elseif results[1] then
    for i = 2, results.n do
      if not is_plain(results[i], {}) then trouble = "a value that is no plain data" end
    end
    if not trouble then
      local again = table.pack(pcall(pack, table.unpack(results, 2, results.n)))
      if not again[1] then trouble = "what came out cannot be packed: " .. tostring(again[2]) end
    end
  elseif type(results[2]) ~= "string" or not results[2]:find("malformed data$") then
    trouble = "raised " .. tostring(results[2]):sub(1, 200)
  end
  if trouble then
    failures = failures + 1
    if failures <= 5 then
      print(("fuzz: seed %d, %s: %s\n  input %s"):format(SEED, where, trouble, hex(s):sub(1, 2000)))
    end
  end
end

-- ==}

describe("unpack", function()
  before_each(function()
    failures = 0
    math.randomseed(SEED)
  end)
  after_each(function() collectgarbage("restart") end)

  it("survives 100,000 mutated inputs", function()
    local list = seeds()
    local memory = concur.info().shared_memory
    for i = 1, 100000 do
      local s = list[random(#list)]
      for _ = 1, random(3) do s = mutations[random(#mutations)](s, list[random(#list)]) end
      check(unpack, s, "input " .. i)
      if i % 500 == 0 then collectgarbage() end
    end
    assert.are.equal(0, failures)
    assert.is_true(concur.info().shared_memory <= memory)
  end)

  it("survives each byte of each seed changed to each tag", function()
    local tags = { 0, 0x7f, 0x80, 0xbf }
    for tag = 0xc0, 0xe0 do tags[#tags + 1] = tag end
    tags[#tags + 1] = 0xff
    for n, s in ipairs(seeds()) do
      for at = 1, math.min(#s, 60) do
        for _, tag in ipairs(tags) do
          check(unpack, replaced(s, at, string.char(tag)), ("seed %d, byte %d, tag %d"):format(n, at, tag))
        end
      end
      collectgarbage()
    end
    assert.are.equal(0, failures)
  end)

  it("survives nests cut off at any depth", function()
    local deep = {}
    for _ = 1, 100000 do deep = { deep } end
    local s = pack(deep)
    for _, n in ipairs { 10, 100, 300, 1000, 10000, 100000, #s - 1 } do check(unpack, s:sub(1, n), "nest of " .. n) end
    -- the innermost bytes again and again: a nest that is not deferred
    for _, size in ipairs { 2, 3, 4, 5, 6, 8, 12 } do
      for at = 1, 40 do check(unpack, s:sub(1, at) .. s:sub(at, at + size - 1):rep(20000), "repeated") end
      collectgarbage()
    end
    assert.are.equal(0, failures)
  end)

  it("survives repeated pieces of everything", function()
    for n, s in ipairs(seeds()) do
      for _ = 1, 20 do
        local a = random(#s)
        local piece = s:sub(a, a + random(0, 6))
        check(unpack, s:sub(1, random(#s)) .. piece:rep(3000), "seed " .. n)
      end
      collectgarbage()
    end
    assert.are.equal(0, failures)
  end)

  it("takes the same bytes after all that", function()
    for _, s in ipairs(seeds()) do
      local ok = pcall(unpack, s)
      assert.is_true(ok)
    end
  end)
end)

-- Trusted bytes may do what they like; what was plain data and got damaged on its
-- way must not take the process along.
describe("unpack_code", function()
  before_each(function()
    failures = 0
    math.randomseed(SEED)
  end)

  it("survives mutated plain data", function()
    local list = seeds()
    for i = 1, 20000 do
      local s = list[random(#list)]
      for _ = 1, random(3) do s = mutations[random(#mutations)](s, list[random(#list)]) end
      local ok, err = pcall(concur.unpack_code, s)
      if not ok and type(err) ~= "string" then error(("seed %d, input %d: %s"):format(SEED, i, hex(s))) end
    end
  end)
end)
