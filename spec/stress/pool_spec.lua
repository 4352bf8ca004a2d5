-- Pools at length: ten million items, and a thousand pools.
local concur = require "concur"
local kit = require "spec.support.kit"

local T = 120

-- Kilobytes of memory that this process has.
local function resident()
  local file <close> = assert(io.open "/proc/self/status")
  return tonumber(file:read "a":match "VmRSS:%s*(%d+)")
end

kit.each_kind(function(kind)
  describe("a pool", function()
    it("maps ten million items in constant memory", function()
      local pool <close> = concur.pool { kind = kind.name, workers = 2 }
      local n, i, sum, first = 10000000, 0, 0, nil
      local function numbers()
        i = i + 1
        if i <= n then return i end
      end
      for k, x in pool:imap(function(x) return x end, numbers, { chunk = 100, ahead = 1000, timeout = T }) do
        sum = sum + x
        if k == n // 10 then first = resident() end
      end
      assert.are.equal(n * (n + 1) // 2, sum)
      assert(resident() < first + 2000, resident() - first)
    end)

    it("comes and goes a thousand times", function()
      local function round()
        local pool = concur.pool { kind = kind.name, workers = 2 }
        local f = pool:submit(function() return 1 end)
        assert(pool:map(function(x) return x end, { 1, 2, 3 })[3] == 3 and f:result(T) == 1)
        if f:id() % 2 == 0 then pool:terminate() end
      end
      round()
      local empty = kit.live()
      for _ = 1, 1000 do round() end
      kit.settled(empty)
    end)
  end)
end)
