-- A call of a method of an object behind a manager on this machine: the time of a round trip.
local concur = require "concur"
local common = require "bench.common"

local N = common.times(20000)

local q = concur.queue()
local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = "bench" }
server:register("q", function() return q end)
server:start()
local m <close> = assert(concur.manager.connect { address = server:address(), authkey = "bench" })
local proxy = m:q()
for _ = 1, 1000 do proxy:qsize() end
local start = concur.now()
for _ = 1, N do proxy:qsize() end
common.report((concur.now() - start) / N * 1e6, "us")
