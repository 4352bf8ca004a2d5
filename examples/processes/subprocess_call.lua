-- Another program is run, and its exit code looked at: one that succeeds, one that fails, one
-- that is not there. No shell is involved, so its arguments arrive as they are.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local run = concur.subprocess.run

say "$ printf"
local result = assert(run {"printf", "%s\n", "a star: * and a variable: $HOME"})
say("%s", (result.stdout:gsub("\n$", "")))
say("exit code: %d", result.code)
say("exit code: %d", assert(run {"false"}).code)
local nothing, message = run {"no-such-program"}
say("%s", message)

assert(nothing == nil)
local lines = said()
assert(#lines == 5)
assert(lines[2] == "a star: * and a variable: $HOME")
assert(lines[3] == "exit code: 0" and lines[4] == "exit code: 1")
assert(lines[5]:find "^cannot run no%-such%-program: ")
