-- One thread-local object, and each thread sees its own student in it. What a thread
-- has put there its functions find, without a parameter.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local school = concur.tls()

local function greet()
  say("Hello, %s (in %s)", school.student, concur.current().name)
end

local function run(student)
  school.student = student
  greet()
end

local thread1 = concur.thread { target = run, args = { "Alice" }, name = "Thread-A" }
local thread2 = concur.thread { target = run, args = { "Bob" }, name = "Thread-B" }
thread1:start()
thread2:start()
assert(thread1:join())
assert(thread2:join())

local lines = said()
assert(#lines == 2)
assert(lines:count "^Hello, Alice %(in Thread%-A%)$" == 1)
assert(lines:count "^Hello, Bob %(in Thread%-B%)$" == 1)
assert(school.student == nil) -- main has none
