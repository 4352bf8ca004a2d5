-- x*x over a list by a pool of two workers (or so many as BENCH_THREADS says).
--
--   pool_map.lua [items [chunk]]
local concur = require "concur"
local common = require "bench.common"

local n, chunk = common.times(tonumber(arg[1]) or 1000000), tonumber(arg[2])
local pool <close> = concur.pool { workers = common.threads, kind = common.kind }
local list = {}
for i = 1, n do list[i] = i end
local function square(x) return x * x end
pool:map(square, { 1, 2, 3, 4 }) -- so that the workers are there

local best = math.huge
for _ = 1, 3 do
  local start = concur.now()
  local squares = pool:map(square, list, { chunk = chunk })
  best = math.min(best, concur.now() - start)
  assert(squares.n == n and squares[n] == n * n and squares[n // 2] == (n // 2) ^ 2)
end
common.report(n / best / 1e6, "Mop/s")
