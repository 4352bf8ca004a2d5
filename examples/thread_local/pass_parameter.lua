-- The way without thread-local data: the student is a local variable, and each function
-- passes it on to those it calls. It works, and takes a parameter at every level.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local Student = {}
Student.__index = Student

function Student.new(name) return setmetatable({ name = name }, Student) end

local function do_subtask(student, number)
  say("subtask %d for %s in %s", number, student.name, concur.current().name)
end

local function do_task_1(student)
  do_subtask(student, 1)
  do_subtask(student, 2)
end

local function do_task_2(student)
  do_subtask(student, 2)
  do_subtask(student, 2)
end

local function process_student(name)
  local student = Student.new(name)
  do_task_1(student)
  do_task_2(student)
end

local thread1 = concur.spawn(process_student, "Alice")
local thread2 = concur.spawn(process_student, "Bob")
assert(thread1:join())
assert(thread2:join())

local lines = said()
assert(#lines == 8)
for name, thread in pairs { Alice = "Thread%-1", Bob = "Thread%-2" } do
  assert(lines:count(("^subtask 1 for %s in %s$"):format(name, thread)) == 1)
  assert(lines:count(("^subtask 2 for %s in %s$"):format(name, thread)) == 3)
end
