-- A roll call. The teacher puts names into one queue, and two students listen on it.
-- Whoever gets a name that is not their own drops it; that this goes well is because a
-- queue serves first who has waited longest. The first one to be called began to wait
-- first, and after the answer waits behind the second.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local Student = concur.thread:extend()

function Student:init(name, queue) self.name, self.queue = name, queue end

function Student:run()
  for name in self.queue:items() do
    if name == self.name then say("%s: here!", name) end
    self.queue:task_done()
  end
end

-- Not a thread, but an object of main's.
local Teacher = {}
Teacher.__index = Teacher

function Teacher.new(queue) return setmetatable({ queue = queue }, Teacher) end

function Teacher:call(name)
  say("teacher: is %s here?", name)
  self.queue:put(name)
  self.queue:join() -- until somebody has heard it
end

local queue = concur.queue()
local teacher = Teacher.new(queue)
local students = { Student("Nadia", queue), Student("Tomás", queue) }
for _, student in ipairs(students) do
  student:start()
  example.until_waiting(student)
end

say "the roll call begins"
for _, student in ipairs(students) do teacher:call(student.name) end
queue:close()
for _, student in ipairs(students) do assert(student:join()) end

assert(table.concat(said(), "\n") == [[
the roll call begins
teacher: is Nadia here?
Nadia: here!
teacher: is Tomás here?
Tomás: here!]])
