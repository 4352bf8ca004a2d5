-- Jobs that are done in order of importance. The queue orders objects by one of their
-- fields, the key; the smallest comes first. (A method that compares two objects could
-- not be called between Lua states.) What comes out is a job again, methods and all.

local concur = require "concur"

local Job = {}
Job.__index = Job

function Job.new(priority, description)
  print("new job: " .. description)
  return setmetatable({ priority = priority, description = description }, Job)
end

function Job:process()
  print("processing job: " .. self.description)
  return self.priority
end

local jobs = concur.priority_queue { key = "priority" }
jobs:put(Job.new(3, "a middling one"))
jobs:put(Job.new(10, "one that can wait"))
jobs:put(Job.new(1, "an important one"))

-- Several workers could do this, and each would get the most important job left.
local order = {}
while not jobs:empty() do
  order[#order + 1] = jobs:get():process()
end
assert(table.concat(order, " ") == "1 3 10")

-- A job without a priority has no place in the order.
local ok, message = pcall(jobs.put, jobs, Job.new(nil, "one without a priority"))
print(message)
assert(not ok and message:find "priority" and jobs:empty())
