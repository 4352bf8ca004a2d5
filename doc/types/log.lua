---@meta concur.log
-- Messages of all threads and processes: concur.log; see doc/log.md.

---@class concur
---@field log concur.log
local concur = {}

--- Messages by level, each in one write, to one place for the whole family.
---@class concur.log
local log = {}

--- What is written: messages of this level and above.
---@alias concur.log_level "debug"|"info"|"warning"|"error"|"off"

--- What `concur.log.config` takes and returns.
---@class concur.log_options
---@field level? concur.log_level default `"info"`
---@field format? string default `"{time} {level} {thread} {process} {message}"`
---@field file? string|file* a path, `io.stderr` (the default) or `io.stdout`

--- Writes a message of the lowest level, which is off by default.
--- Raises: without an argument; for what `string.format` and `tostring` refuse, if the level is on.
---
--- ```lua
--- concur.log.config {level = "debug", format = "{level}: {message}", file = io.stdout}
--- concur.log.debug("x = %d", 3) --> debug: x = 3
--- ```
---@param format any alone: the message, as `tostring` has it; a function is called for it
---@param ... any what the format or the function takes
function log.debug(format, ...) end

--- Writes a message about what happens as it should.
--- Raises: as `debug`.
---
--- ```lua
--- concur.log.config {format = "{level}: {message}", file = io.stdout}
--- concur.log.info "100%" --> info: 100%
--- ```
---@param format any alone: the message, as `tostring` has it; a function is called for it
---@param ... any what the format or the function takes
function log.info(format, ...) end

--- Writes a message about what may need attention.
--- Raises: as `debug`.
---
--- ```lua
--- concur.log.config {format = "{level}: {message}", file = io.stdout}
--- concur.log.warning("%d%% of the disk are used", 97) --> warning: 97% of the disk are used
--- ```
---@param format any alone: the message, as `tostring` has it; a function is called for it
---@param ... any what the format or the function takes
function log.warning(format, ...) end

--- Writes a message about what failed. It raises nothing by itself.
--- Raises: as `debug`.
---
--- ```lua
--- concur.log.config {format = "{level} {thread}: {message}", file = io.stdout}
--- concur.log.error "no connection" --> error MainThread: no connection
--- ```
---@param format any alone: the message, as `tostring` has it; a function is called for it
---@param ... any what the format or the function takes
function log.error(format, ...) end

--- Sets what the options say, for all threads and processes of the family; leaves the rest.
--- Raises: for an unknown option, level or field; for a file that cannot be opened.
---
--- ```lua
--- print(concur.log.config {level = "error"}.level) --> error
--- print(concur.log.config().format)                --> {time} {level} {thread} {process} {message}
--- ```
---@param options? concur.log_options
---@return concur.log_options configuration the one that holds then
function log.config(options) end

return log
