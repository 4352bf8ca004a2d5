---@meta concur.trace
-- Timelines: concur.trace; see doc/trace.md.

---@class concur
---@field trace concur.trace
local concur = {}

--- A timeline of all threads and processes.
---@class concur.trace
local trace = {}

--- What `concur.trace.start` takes.
---@class concur.trace_options
---@field limit? integer events that are kept, the first ones; 1,000,000 unless told

--- Begins a trace of all threads and processes of the program.
--- Raises: when a trace goes on; when the file cannot be written; for an unknown option.
---
--- ```lua
--- local path = os.tmpname()
--- print(concur.trace.start(path)) --> true
--- concur.trace.stop()
--- os.remove(path)
--- ```
---@param path string what `stop` writes: JSON, or a page if it ends with ".html"
---@param options? concur.trace_options
---@return true
function trace.start(path, options) end

--- Ends the trace and writes its file.
--- Raises: when no trace goes on; when the file cannot be written.
---
--- ```lua
--- local path = os.tmpname()
--- concur.trace.start(path)
--- print(concur.trace.stop() == path) --> true
--- os.remove(path)
--- ```
---@return string path
function trace.stop() end

--- Makes a page of a trace's file, with all that it needs inside.
--- Raises: for what is no trace of concur; when a file cannot be read or written.
---
--- ```lua
--- local path, page = os.tmpname(), os.tmpname()
--- concur.trace.start(path)
--- concur.trace.stop()
--- print(concur.trace.page(path, page) == page) --> true
--- os.remove(path)
--- os.remove(page)
--- ```
---@param path string a file that `stop` has written
---@param page string the file to write
---@return string page
function trace.page(path, page) end

return trace
