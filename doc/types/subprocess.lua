---@meta concur.subprocess
-- Other programs: concur.subprocess; see doc/subprocess.md.

---@class concur
---@field subprocess concur.subprocess
local concur = {}

--- Other programs, without a shell.
---@class concur.subprocess
local subprocess = {}

--- What a stream of a program is to be.
---@alias concur.stdio "pipe"|"null"|"inherit"|file*

--- What `concur.subprocess.popen` takes: the program and its arguments by position, and these.
---@class concur.popen_options
---@field [integer] string|number
---@field cwd? string its working directory
---@field env? table<string, string|number> its whole environment
---@field stdin? concur.stdio
---@field stdout? concur.stdio
---@field stderr? concur.stdio

--- What `concur.subprocess.run` takes.
---@class concur.run_options : concur.popen_options
---@field input? string what the program reads from its stdin
---@field timeout? concur.timeout seconds after which its whole group is killed
---@field check? boolean raise when it fails
---@field capture? boolean `false`: output goes where this process's goes
---@field limit? number bytes of output above which its group is killed

--- How a program has ended.
---@class concur.run_result
---@field code? integer nil when a signal ended it
---@field signal? integer
---@field stdout? string what was captured
---@field stderr? string

--- Runs a program to its end.
--- Raises: for wrong options; a zero byte in an argument; with `check`, for a program that fails.
---
--- ```lua
--- local result = concur.subprocess.run {"sort", input = "b\na\n"}
--- print(result.code, (result.stdout:gsub("\n", " "))) --> 0  a b
--- ```
---@param options concur.run_options
---@return concur.run_result? result
---@return string? why why it was not started; `"timeout"`, `"output limit exceeded"`
---@return concur.run_result? so_far
function subprocess.run(options) end

--- Starts a program.
--- Raises: for wrong options; a zero byte in an argument.
---
--- ```lua
--- local cat <close> = assert(concur.subprocess.popen {"cat"})
--- cat:write "hello\n"
--- print(cat:read()) --> hello
--- ```
---@param options concur.popen_options
---@return concur.program? program
---@return string? why
function subprocess.popen(options) end

--- A program that was started. It belongs to the state that made it; `__close` kills it if it runs.
---@class concur.program
---@field pid integer
local program = {}

--- Sends strings and numbers to its stdin; collects its output meanwhile.
--- Raises: for other types; when cancelled.
---
--- ```lua
--- local cat <close> = concur.subprocess.popen {"cat"}
--- print(cat:write("1 ", 2, "\n") == cat) --> true
--- ```
---@param ... string|number
---@return concur.program? program itself; nil when it reads no more
---@return "closed"? why
function program:write(...) end

--- Closes its stdin once all is sent.
---
--- ```lua
--- local cat <close> = concur.subprocess.popen {"cat"}
--- cat:write "all\n"
--- cat:close_stdin()
--- print(cat:read "a") --> all
--- --> 
--- ```
function program:close_stdin() end

--- Reads from its stdout, in the formats of `file:read`.
--- Raises: for another format; when cancelled.
---
--- ```lua
--- local echo <close> = concur.subprocess.popen {"echo", "12 rest"}
--- print(echo:read("n", "l")) --> 12  rest
--- ```
---@param ... string|integer formats, default `"l"`
---@return string|number|nil ... nil at its end
function program:read(...) end

--- Reads from its stderr.
--- Raises: as `read`.
---
--- ```lua
--- local shell <close> = concur.subprocess.popen {"sh", "-c", "echo oops >&2"}
--- print(shell:read_stderr()) --> oops
--- ```
---@param ... string|integer formats, default `"l"`
---@return string|number|nil ... nil at its end
function program:read_stderr(...) end

--- Iterates over the lines of its stdout, or what the formats say.
--- Raises: as `read`.
---
--- ```lua
--- local seq <close> = concur.subprocess.popen {"seq", 2}
--- for line in seq:lines() do io.write(line, " ") end --> 1 2
--- ```
---@param ... string|integer formats, default `"l"`
---@return fun(): string|number|nil iterator
function program:lines(...) end

--- Waits for its end; without a timeout its stdin is closed first. May be repeated.
--- Raises: for a bad timeout; when cancelled.
---
--- ```lua
--- local shell <close> = concur.subprocess.popen {"sh", "-c", "exit 3"}
--- print(shell:wait().code) --> 3
--- ```
---@param timeout? concur.timeout seconds
---@return concur.run_result? result with the output that was not read
---@return "timeout"? why
function program:wait(timeout) end

--- Sends a signal to its group.
---
--- ```lua
--- local sleep <close> = concur.subprocess.popen {"sleep", 100}
--- print(sleep:kill(), sleep:wait().signal) --> true  9
--- ```
---@param signal? integer default 9, SIGKILL
---@return boolean sent whether it was there
function program:kill(signal) end

return subprocess
