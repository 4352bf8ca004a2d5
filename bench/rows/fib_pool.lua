-- fib(32) eight times one after another, and by a pool: how many times faster the second is, by turns,
-- the best of four each.
--
--   fib_pool.lua [workers [times]]
local concur = require "concur"
local common = require "bench.common"

local workers = tonumber(arg[1]) or 2
local times = tonumber(arg[2]) or 8

local function fib(x)
  if x < 2 then return x end
  return fib(x - 1) + fib(x - 2)
end

local list = {}
for i = 1, times do list[i] = 32 end
local pool <close> = concur.pool { workers = workers, kind = common.kind }
pool:map(fib, { 1, 2, 3, 4 })

local serial, parallel = math.huge, math.huge
for _ = 1, 4 do
  local start = concur.now()
  for i = 1, times do assert(fib(list[i]) == 2178309) end
  serial = math.min(serial, concur.now() - start)
  start = concur.now()
  assert(pool:map(fib, list)[times] == 2178309)
  parallel = math.min(parallel, concur.now() - start)
end
common.report(serial / parallel, "x")
