-- The other way to write threads: as classes. A class overrides `run`, which does the
-- work in the new thread, and leaves `start` alone; the fields of an instance are
-- copied over. Otherwise this is what join_both.lua does.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local both_started = concur.barrier(2) -- a busy machine might let one end before the other starts

local GetDetailHtml = concur.thread:extend()

function GetDetailHtml:init(seconds) self.seconds = seconds end

function GetDetailHtml:run()
  local start = concur.now()
  say("get detail html started")
  both_started:wait()
  concur.sleep(self.seconds)
  say("get detail html end")
  return concur.now() - start
end

local GetDetailUrl = concur.thread:extend()

function GetDetailUrl:init(seconds) self.seconds = seconds end

function GetDetailUrl:run()
  local start = concur.now()
  say("get detail url started")
  both_started:wait()
  concur.sleep(self.seconds)
  say("get detail url end")
  return concur.now() - start
end

local thread1 = GetDetailHtml(example.pause(2))
local thread2 = GetDetailUrl(example.pause(4))
local start = concur.now()
thread1:start()
thread2:start()
local _, seconds1 = assert(thread1:join())
local _, seconds2 = assert(thread2:join())
local elapsed = concur.now() - start
say("finished in %.2f s, where one after the other would take %.2f s", elapsed, seconds1 + seconds2)

local lines = said()
assert(#lines == 5 and lines:first "^finished" == 5)
assert(lines:last "started$" < lines:first "end$") -- they overlap
assert(elapsed >= example.pause(4) and elapsed < example.below(6)) -- the longer one, not the sum
