-- Main stores its name in a thread-local object. A child finds nothing there, stores
-- its own name and finds that; main's is as it was.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local storage = concur.tls()

local function show(when) say("%s %s: %s", concur.current().name, when, storage.name) end

local function run()
  show "before"
  storage.name = concur.current().name
  show "after"
end

storage.name = "main"
show "at first"
for _ = 1, 2 do assert(concur.spawn(run):join()) end
show "at last"

assert(table.concat(said(), "\n") == [[
MainThread at first: main
Thread-1 before: nil
Thread-1 after: Thread-1
Thread-2 before: nil
Thread-2 after: Thread-2
MainThread at last: main]])
