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
  local running = {} -- by their numbers: the calls, with their tasks

  local function finish(call, ok, ...)
    running[call.id] = nil
    if not ok and call.withdrawn then
      call.done:set_error { withdrawn = true }
    elseif not ok and type(...) ~= "table" then -- the handler has failed
      call.done:set_error { tostring((...)) }
    else
      answer(call.done, ok, ...)
    end
  end

  local function begin(call)
    running[call.id] = call
    call.task = async.spawn(function()
      local fn = functions[call.name]
      finish(call, xpcall(fn, traced, table.unpack(call.args, 1, call.args.n)))
    end)
  end

  local function withdraw(id)
    local call = running[id]
    if not call then return end
    call.withdrawn = true
    call.task:cancel()
    if call.task:done() then finish(call, false) end -- it had not begun
  end

  async.run(function()
    for call in calls:items() do
      if call.register then
        functions[call.register] = call.fn
        call.done:set_result()
      elseif call.withdraw then
        withdraw(call.withdraw)
      else
        begin(call)
      end
    end
  end)
end
