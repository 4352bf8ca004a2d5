-- The Mandelbrot set, computed by all processors into one array of bytes: each thread
-- takes the next row that nobody has, and writes it into its slice. Nothing is sent back,
-- and no lock is needed. The picture is compared with one that a single thread computed.
--
--   lua5.4 examples/shared_data/mandelbrot.lua [size [file.pgm]]    (default: a file that goes at the end)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local size = math.tointeger(tonumber(arg[1] or example.count(300)))
assert(size and size >= 1, "the size is a positive integer")
local path = arg[2] or os.tmpname()
local depth = 255

local function compute(picture, rows)
  while true do
    local y = rows:add(1)
    if y > size then return end
    local row = picture:slice((y - 1) * size + 1, y * size)
    local ci = 3 * (y - 0.5) / size - 1.5
    for x = 1, size do
      local cr = 3 * (x - 0.5) / size - 2
      local zr, zi, n = 0.0, 0.0, 0
      while n < depth and zr * zr + zi * zi <= 4 do
        zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1
      end
      row[x] = n
    end
  end
end

-- The picture by that many threads, and the seconds it took.
local function paint(workers)
  local picture, rows, threads = concur.array("u8", size * size), concur.value(0), {}
  local start = concur.now()
  for i = 1, workers do threads[i] = concur.spawn(compute, picture, rows) end
  for _, thread in ipairs(threads) do assert(thread:join()) end
  return picture, concur.now() - start
end

local workers = concur.cpu_count()
local serial, alone = paint(1)
local picture, together = paint(workers)
print(("%d × %d: %.3f s by one thread, %.3f s by %d"):format(size, size, alone, together, workers))
assert(picture:bytes() == serial:bytes())

local pgm = ("P5\n%d %d\n%d\n"):format(size, size, depth) .. picture:bytes()
do
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(pgm))
end
do
  local file <close> = assert(io.open(path, "rb"))
  assert(file:read "a" == pgm)
end
if arg[2] then print("written to " .. path) else os.remove(path) end

-- The middle of the main body is in the set, the corner is not.
if size >= 10 then
  assert(picture[(size // 2) * size + size * 2 // 3] == depth and picture[1] < 5)
end
