-- The checksums of all files below some directories, by a pool: what `cksum` prints, in the order of the names.
--
--   lua5.4 examples/checksums.lua [--workers=N] [directory…]
--
-- The names go through `imap`: at most a few files are open at a time, each line is printed as soon as all
-- before it are, and a file that cannot be read is that file's problem. Without arguments it checks
-- itself: the directory of this script, against `cksum`.

local concur = require "concur"

-- CRC-32 as POSIX has it: highest bit first, then the length. This table travels to each worker
-- once, with the function.
local crc_of_byte = {}
for i = 0, 255 do
  local crc = i << 24
  for _ = 1, 8 do crc = crc & 0x80000000 ~= 0 and crc << 1 ~ 0x04c11db7 or crc << 1 end
  crc_of_byte[i] = crc & 0xffffffff
end

local function checksum(name)
  local file <close>, message = io.open(name, "rb")
  if not file then return nil, message end
  local crc, size = 0, 0
  while true do
    local block = file:read(1 << 12)
    if not block then break end
    for i = 1, #block do crc = (crc << 8 & 0xffffffff) ~ crc_of_byte[crc >> 24 ~ block:byte(i)] end
    size = size + #block
  end
  local rest = size
  while rest > 0 do
    crc = (crc << 8 & 0xffffffff) ~ crc_of_byte[crc >> 24 ~ rest & 0xff]
    rest = rest >> 8
  end
  return ~crc & 0xffffffff, size
end

local workers, directories, checks = concur.cpu_count(), {}, false
for _, word in ipairs(arg) do
  local n = word:match "^%-%-workers=(%d+)$"
  if n then workers = math.max(math.tointeger(tonumber(n)), 1) else directories[#directories + 1] = word end
end
if #directories == 0 then
  directories[1], checks = arg[0]:match "^(.*)/" or ".", true
end

local function quote(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

-- Reads the names as `find` prints them, one a line: the pool asks for the next when a worker will be free.
local quoted = {}
for i, directory in ipairs(directories) do
  quoted[i] = quote(directory:find "^[./]" and directory or "./" .. directory)
end
local find = "LC_ALL=C find -H " .. table.concat(quoted, " ") .. " -type f "
local names <close> = assert(io.popen(find .. "| LC_ALL=C sort"))
local list = {} -- to be printed beside the sums
local function next_name()
  local name = names:read "l"
  list[#list + 1] = name
  return name
end

local unreadable, lines = 0, {}
do
  local pool <close> = concur.pool { workers = workers }
  for i, crc, size in pool:imap(checksum, next_name) do
    if crc then
      lines[#lines + 1] = ("%d %d %s"):format(crc, size, list[i])
      print(lines[#lines])
    else
      unreadable = unreadable + 1
      io.stderr:write("checksums: ", size, "\n")
    end
  end
end

if checks then
  local pipe <close> = io.popen(find .. "-print0 | LC_ALL=C sort -z | xargs -0 cksum 2>/dev/null")
  local n = 0
  for line in pipe:lines() do
    n = n + 1
    assert(line == lines[n], line)
  end
  print(("%d files, as cksum has them"):format(n))
  assert(n == 0 or n == #lines)
end
os.exit(unreadable == 0, true)
