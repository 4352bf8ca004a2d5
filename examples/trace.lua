-- A timeline of a small program: producers and consumers around a bounded queue, a lock, a pool and a child process.
-- Look for: the file opens in Perfetto or chrome://tracing, the page beside it in any browser; who waits for whom
-- shows at once. Here the lock is the bottleneck.
--
--   lua5.4 examples/trace.lua [DIRECTORY]

package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local directory = arg[1] or os.getenv "TMPDIR" or "/tmp"
local path, page = directory .. "/concur-trace.json", directory .. "/concur-trace.html"

concur.trace.start(path)

local orders, results, ledger = concur.queue(5), concur.queue(), concur.lock()
local pause = example.pause(0.1)

local cooks = {}
for i = 1, 3 do
  cooks[i] = concur.thread { name = "cook " .. i, target = function()
    for order in orders:items() do
      concur.sleep(pause)
      ledger:with(function() concur.sleep(pause) end) -- one at a time: watch them queue up
      results:put(order)
    end
  end }
  cooks[i]:start()
end
local waiter = concur.process { name = "waiter", target = function()
  for order = 1, 12 do orders:put(order) end
  orders:close()
end }
waiter:start()
for _, cook in ipairs(cooks) do assert(cook:join()) end
assert(waiter:join())

local pool = concur.pool { workers = 2 }
pool:map(function(n) concur.sleep(n) end, { pause, pause, pause, pause })
pool:close()
pool:join()

assert(concur.trace.stop() == path)
concur.trace.page(path, page)
print(("trace: %s\npage:  %s"):format(path, page))

local text = assert(io.open(path)):read "a"
for _, name in ipairs { "cook 3", "waiter", "Pool-1-worker-1" } do
  assert(text:find('"' .. name .. '"', 1, true), name)
end
assert(text:find(("wait lock #%d"):format(ledger:id()), 1, true), "cooks have waited for the ledger")
assert(text:find(("held lock #%d"):format(ledger:id()), 1, true))
assert(text:find "task of pool #%d")
assert(results:qsize() == 12)
if not arg[1] then assert(os.remove(path) and os.remove(page)) end
