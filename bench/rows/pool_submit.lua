-- A submit and its result, one after the other.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local pool <close> = concur.pool { workers = 2, kind = common.kind }
local function same(x) return x end
pool:apply(same, 1)

local start = concur.now()
for i = 1, n do assert(pool:submit(same, i):result() == i) end
common.report((concur.now() - start) / n * 1e6, "us/rt")
