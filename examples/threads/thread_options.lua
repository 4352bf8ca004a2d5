-- What a thread can be made of. All options may be left out:
--
--   target  the function to run
--   args    its arguments, as a list; they arrive as separate parameters
--   name    Thread-1, Thread-2, … unless given
--   daemon  whether the process ends without waiting for it
--   globals variables that its fresh state begins with
--
-- There are no keyword arguments in Lua: a function that wants some takes a table. And there
-- is no `group`, for which Python has a name but no use.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"

-- The short form: a function and its arguments.
local short = concur.thread(math.max, 3, 9, 4)
print(short.name, "will run math.max(3, 9, 4)")
assert(short.name == "Thread-1")
assert(select(2, short:start():join()) == 9)

-- The long form. `n` counts arguments where some are nil.
local function count(...) return select("#", ...), ... end
local long = concur.thread {
  target = count,
  args = { "first", nil, nil, n = 3 },
  name = "counter",
  daemon = true,
}
local ok, n, first = long:start():join()
print(long.name, "got", n, "arguments, beginning with", first)
assert(ok and n == 3 and first == "first")
assert(long.name == "counter" and long.daemon)

-- Without a name it is called Thread-n: only unnamed threads count.
local nothing = concur.thread {}
assert(nothing.name == "Thread-2")

-- Without a target there is nothing to do, which is soon done.
local results = table.pack(nothing:start():join())
print(nothing.name, "had nothing to do, and ended")
assert(results.n == 1 and results[1] == true)

-- Keyword arguments.
local function area(options) return options.width * options.height end
local keyword = concur.thread { target = area, args = { { width = 6, height = 7 } } }
local _, product = keyword:start():join()
print(keyword.name, "found an area of", product)
assert(product == 42)

-- Globals exist in the new thread only.
local configured = concur.thread { target = function() return _G.level end, globals = { level = 3 } }
local _, level = configured:start():join()
print(configured.name, "found level", level)
assert(level == 3 and _G.level == nil)
