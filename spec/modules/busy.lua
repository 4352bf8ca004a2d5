--- A module that starts a thread and waits for it while it is being loaded.
local concur = require "concur"

local busy = {}

function busy.double(n) return n * 2 end

local _, result = concur.spawn(function(n) return busy.double(n) end, 21):join(10)
busy.result = result

return busy
