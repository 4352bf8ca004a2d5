-- Small items put by put_many into a queue behind a manager on this machine, a thousand in a call: the time of one.
local concur = require "concur"
local common = require "bench.common"

local N = common.times(300)

local q = concur.queue()
local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = "bench" }
server:register("q", function() return q end)
server:start()
local m <close> = assert(concur.manager.connect { address = server:address(), authkey = "bench" })
local proxy, list = m:q(), {}
for i = 1, 1000 do list[i] = i end
local start = concur.now()
for _ = 1, N do proxy:put_many(list) end
common.report((concur.now() - start) / (N * 1000) * 1e6, "us")
