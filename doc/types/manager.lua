---@meta concur.manager
-- Objects over the network: concur.manager, which needs libsodium, and luv for servers; see doc/manager.md.

---@class concur
---@field manager concur.manager_module
local concur = {}

--- Objects over the network.
---@class concur.manager_module
local manager = {}

--- What `concur.manager.server` takes.
---@class concur.server_options
---@field address string `"host:port"`, `"[host]:port"` or `"unix:/path"`; port 0: any free one
---@field authkey string not empty
---@field max_message? integer bytes of one message, default 64 MiB
---@field max_depth? integer of tables within tables, default 200
---@field max_connections? integer clients that have proved the key, default 4,096
---@field max_handshakes? integer clients that have not, default 128
---@field handshake_timeout? number seconds until a stranger is thrown out, default 10
---@field idle_timeout? number seconds without a call after which a client is closed, default `math.huge`
---@field heartbeat? number seconds of silence after which a client is taken for gone, default 1

--- Makes a server, not started.
--- Raises: for a bad option; without a key.
---
--- ```lua
--- local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- server:register("add", function(a, b) return a + b end)
--- server:start()
--- local m <close> = assert(concur.manager.connect {address = server:address(), authkey = "abc"})
--- print(m:add(1, 2)) --> 3
--- ```
---@param options concur.server_options
---@return concur.server server
function manager.server(options) end

--- What `concur.manager.connect` takes.
---@class concur.connect_options
---@field address string `"host:port"`, `"[host]:port"` or `"unix:/path"`
---@field authkey string not empty
---@field timeout? concur.timeout seconds
---@field max_message? integer bytes of one message, default 64 MiB
---@field max_depth? integer of tables within tables, default 200
---@field heartbeat? number seconds of silence after which the server is taken for gone, default 1

--- Connects to a server.
--- Raises: for a bad option; without a key; when cancelled.
---
--- ```lua
--- print(concur.manager.connect {address = "unix:/nowhere/socket", authkey = "abc"}) --> nil  …
--- ```
---@param options concur.connect_options
---@return concur.manager? m
---@return string? why `"authentication failed"`, `"timeout"`, `"too many connections"`, or what the system says
function manager.connect(options) end

--- A client's end of a connection: `m:name(...)` calls a registered function, and returns plain values and proxies,
--- which have the methods of the object behind them; `nil, "connection lost"` once the server is gone.
---@class concur.manager : concur.handle
---@field [string] fun(self: concur.manager, ...: any): any
local m = {}

--- Ends the client; its proxies keep the connection. `__close` does it, too.
---
--- ```lua
--- local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- server:start()
--- concur.manager.connect({address = server:address(), authkey = "abc"}):close()
--- ```
function m:close() end

--- What offers functions to clients. `__close` shuts it down.
---@class concur.server
local server = {}

--- Has clients call `fn`, a copy of which lives in a thread of the server, by that name.
--- Raises: for other types; after the shutdown; when `fn` cannot cross.
---
--- ```lua
--- local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- print(server:register("now", concur.now) == server) --> true
--- ```
---@param name string
---@param fn function
---@return concur.server server itself
function server:register(name, fn) end

--- Starts to serve, from daemon threads of its own.
--- Raises: when it cannot listen there; when it was started.
---
--- ```lua
--- local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- server:start()
--- ```
---@return concur.server server itself
function server:start() end

--- Where it listens, as `connect` takes it.
---
--- ```lua
--- print(concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}:address()) --> nil
--- ```
---@return string? address nil before the start
function server:address() end

--- How many clients are connected, and how many are at the handshake.
---
--- ```lua
--- local server <close> = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- server:start()
--- print(server:connections()) --> 0  0
--- ```
---@return integer connected
---@return integer handshakes
function server:connections() end

--- Ends it: closes all connections and gives back what clients held. May be repeated.
---
--- ```lua
--- local server = concur.manager.server {address = "127.0.0.1:0", authkey = "abc"}
--- server:start()
--- server:shutdown()
--- ```
function server:shutdown() end

return manager
