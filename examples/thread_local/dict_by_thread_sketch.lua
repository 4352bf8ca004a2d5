-- A table that all threads share, with an entry for each: a function finds its own
-- student there without a parameter. It works, but each access has to name the thread.
-- With thread-local data: hello_student.lua.
--
-- The table is a dict. A thread is entered under its `ident`, since handles are no keys that
-- other states would know.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local students = concur.dict()

local function my_student() return students[concur.current().ident] end

local function do_task_1() say("task 1 for %s in %s", my_student().name, concur.current().name) end

local function do_task_2() say("task 2 for %s in %s", my_student().name, concur.current().name) end

local function process_student(name)
  students[concur.current().ident] = { name = name }
  do_task_1()
  do_task_2()
end

local thread1 = concur.spawn(process_student, "Alice")
local thread2 = concur.spawn(process_student, "Bob")
assert(thread1:join())
assert(thread2:join())

local lines = said()
assert(#lines == 4)
for name, thread in pairs { Alice = "Thread%-1", Bob = "Thread%-2" } do
  for task = 1, 2 do assert(lines:count(("^task %d for %s in %s$"):format(task, name, thread)) == 1) end
end
assert(students[thread1.ident].name == "Alice" and students[thread2.ident].name == "Bob")
