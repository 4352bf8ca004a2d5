-- Thread classes with constructors. A class can be extended further, and then runs
-- its parent's `init` first. The name that `init` sets is the thread's own: the main
-- thread reads it from outside while the thread itself prints it.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local both_started = concur.barrier(2) -- a busy machine might let one end before the other starts

local Named = concur.thread:extend()

function Named:init(name) self.name = name or "Jamie" end

local Greeter = Named:extend()

function Greeter:init(name, seconds)
  Named.init(self, name)
  self.seconds = seconds
end

function Greeter:run()
  say("hello %s", self.name)
  both_started:wait()
  concur.sleep(self.seconds)
  say("%s had to wait for this line", self.name)
end

local thread1 = Greeter(nil, example.pause(4))
local thread2 = Greeter("Lua", example.pause(4))
say("about to start %s and %s", thread1.name, thread2.name)

local start = concur.now()
thread1:start()
thread2:start()
assert(thread1:join())
assert(thread2:join())
local elapsed = concur.now() - start

local lines = said()
assert(thread1.name == "Jamie" and thread2.name == "Lua")
assert(#lines == 5)
assert(lines:count "^hello Jamie$" == 1 and lines:count "^hello Lua$" == 1)
assert(lines:last "^hello" < lines:first "had to wait")
assert(elapsed >= example.pause(4))
