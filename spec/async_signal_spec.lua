-- Ctrl-C while a loop of concur.async runs.
local h = require "spec.support.helpers"

local script = [[
  local concur = require "concur"
  local async = concur.async
  local up = concur.event()
  concur.thread { daemon = true, args = { concur.main().native_id }, target = function(pid)
    up:wait()
    io.popen("kill -INT " .. pid):close()
  end }:start()
  print(pcall(async.run, function()
    for _ = 1, 3 do
      async.spawn(function()
        local _ <close> = setmetatable({}, { __close = function()
          async.sleep(0.001)
          print "closed"
        end })
        WHAT
      end)
    end
    async.yield()
    up:set()
    concur.event():wait()
  end))
]]

describe("SIGINT", function()
  for what, code in pairs {
    waits = "concur.event():wait()",
    computes = "while true do async.yield() end",
    polls = "while true do concur.queue():get(0.001) end",
  } do
    it("ends a loop whose task " .. what .. ", and clean-up is awaited", function()
      local r = h.run((script:gsub("WHAT", code)))
      assert.equal(0, r.code, r.text)
      assert.matches("^closed\nclosed\nclosed\nfalse\t.*interrupted!\n$", r.out)
    end)
  end
end)
