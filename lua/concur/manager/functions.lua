--- Functions: the thread of a server in which the registered functions run, as tasks of one state: one that waits lets
-- the others go on, and one that computes does not delay what clients do with objects.
-- @module concur.manager.functions
local async = require "concur.async"

local function traced(err) return { err, debug.traceback(tostring(err), 2) } end

local function answer(done, ok, ...)
  local sent, reason
  if ok then
    sent, reason = pcall(done.set_result, done, ...)
  else
    sent, reason = pcall(done.set_error, done, (...))
  end
  if not sent and not done:done() then done:set_error { tostring(reason) } end
end

return function(functions, calls)
  async.run(function()
    for call in calls:items() do
      if call.register then
        functions[call.register] = call.fn
        call.done:set_result()
      else
        async.spawn(function()
          local fn = functions[call.name]
          answer(call.done, xpcall(fn, traced, table.unpack(call.args, 1, call.args.n)))
        end)
      end
    end
  end)
end
