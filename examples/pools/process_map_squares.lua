-- The squares of 0 to 99, by a pool of four processes. `map` cuts the list into chunks, sends the function to each
-- worker once, and gives the results in the order of the input, wherever they came from.

local concur = require "concur"

local inputs = {}
for i = 0, 99 do inputs[#inputs + 1] = i end

local workers = concur.dict() -- who has worked

local function function_square(data)
  workers[concur.current_process().pid] = true
  return data * data
end

local pool = concur.process_pool(4)
local outputs = pool:map(function_square, inputs)
pool:close()
pool:join()
print("Pool    : " .. table.concat(outputs, " "))

assert(outputs.n == 100 and outputs[1] == 0 and outputs[100] == 9801)
for i = 0, 99 do assert(outputs[i + 1] == i * i) end
print(("%d processes worked"):format(#workers))
assert(#workers >= 1 and #workers <= 4 and not workers[concur.current_process().pid])
