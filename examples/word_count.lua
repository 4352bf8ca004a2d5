-- Counts the words of all text files below some directories, with a thread for each
-- processor:
--
--   lua5.4 examples/word_count.lua [--workers=N] [--top=N] [directory…]
--
-- The names of the files go into a queue, from which every worker takes one after the
-- other; each counts in a table of its own, and returns it once, through join. A big
-- file is cut into pieces, so that nobody is left alone with it at the end. Then one
-- worker does the same work alone, to see what the threads gain.
--
-- A word is a run of ASCII letters, in lower case: what
-- `tr -cs A-Za-z '\n' | tr A-Z a-z` makes of a text.

local concur = require "concur"

local PIECE = 1 << 20 -- bytes that one worker takes at a time
local BLOCK = 1 << 16 -- bytes that are read at a time where a piece is not

local usage = [[
usage: word_count.lua [--workers=N] [--top=N] [directory…]
Counts the words of all text files below the directories.

  --workers=N  threads that count (default: one for each processor)
  --top=N      words to print, most frequent first (default: 20)
  --help       this text

Without a directory: the system's licence texts, and the current directory.
Files that cannot be read, and binary ones (with a NUL byte), are skipped and counted.
Symbolic links are not followed.
]]

-- {== the command line

local function fail(status, format, ...)
  io.stderr:write("word_count: ", format:format(...), "\n")
  os.exit(status, true)
end

local function exists(path)
  local file, message = io.open(path)
  if file then file:close() end
  return file ~= nil, message
end

local function positive(name, text)
  local n = math.tointeger(tonumber(text))
  if not n or n < 1 then fail(2, "--%s must be a positive integer, not '%s'", name, text) end
  return n
end

local function read_arguments(words)
  local options = { workers = concur.cpu_count(), top = 20, directories = {} }
  local only_directories = false
  for _, word in ipairs(words) do
    local name, value = word:match "^%-%-(%l+)=(.*)$"
    if only_directories or word:sub(1, 1) ~= "-" then
      table.insert(options.directories, word)
    elseif word == "--" then
      only_directories = true
    elseif word == "--help" then
      io.write(usage)
      os.exit(true, true)
    elseif name == "workers" or name == "top" then
      options[name] = positive(name, value)
    else
      fail(2, "unknown option %s (--help lists them)", word)
    end
  end
  if #options.directories == 0 then
    local licences = "/usr/share/common-licenses"
    options.directories = exists(licences) and { licences, "." } or { "." }
  end
  return options
end

-- ==} {== finding files

local function quote(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

-- Names of the regular files below the directories. What `find` cannot enter it tells
-- on stderr. Names may hold anything but NUL, so that is what separates them.
local function find(directories)
  local command = { "find -H" }
  for _, directory in ipairs(directories) do
    local found, message = exists(directory)
    if not found then fail(1, "%s", message) end
    if not directory:find "^[./]" then directory = "./" .. directory end -- not an option of find
    command[#command + 1] = quote(directory)
  end
  command[#command + 1] = "-type f -print0"
  local pipe <close> = assert(io.popen(table.concat(command, " ")))
  local names = {}
  for name in pipe:read("a"):gmatch "([^\0]+)\0" do names[#names + 1] = name end
  return names
end

-- ==} {== counting: this part runs in the workers

-- In the "C" locale, which is Lua's unless a program changes it, %a and %l are ASCII.
local function count_words(text, words)
  local n = 0
  for word in text:lower():gmatch "%l+" do
    words[word] = (words[word] or 0) + 1
    n = n + 1
  end
  return n
end

-- Whether an open file has a NUL byte, which text has not.
local function is_binary(file)
  file:seek "set"
  repeat
    local block = file:read(BLOCK)
    if block and block:find("\0", 1, true) then return true end
  until not block
  return false
end

-- The text of the words that begin in a piece of a file: without the rest of a word
-- that began before it, with the rest of one that goes on after it.
local function read_piece(file, from)
  local before = ""
  if from > 0 then
    file:seek("set", from - 1)
    before = file:read(1) or ""
  else
    file:seek "set"
  end
  local text = file:read(PIECE) or ""
  if before:find "%a" then text = text:match "^%a*(.*)$" end
  if not text:find "%a$" then return text end
  local parts = { text }
  repeat
    local block = file:read(BLOCK) or ""
    local rest = block:match "^%a*"
    parts[#parts + 1] = rest
  until rest == "" or #rest < #block
  return table.concat(parts)
end

-- What a worker does: takes items from the queue until that is closed, and returns
-- what it found. An item is the name of a file, or {name, from} for a piece of one.
local function work(queue, left, done)
  local result = { words = {}, files = 0, count = 0, bytes = 0, unreadable = 0, binary = 0 }

  local function count(text)
    result.count = result.count + count_words(text, result.words)
  end

  local function take_file(name)
    local file <close> = io.open(name, "rb")
    local size = file and file:seek "end"
    if not size then
      result.unreadable = result.unreadable + 1
      return
    end
    local text
    if size <= PIECE then
      file:seek "set"
      text = file:read "a"
      if not text then
        result.unreadable = result.unreadable + 1
        return
      end
      size = #text
    end
    if text and text:find("\0", 1, true) or not text and is_binary(file) then
      result.binary = result.binary + 1
      return
    end
    result.files = result.files + 1
    result.bytes = result.bytes + size
    if text then return count(text) end
    -- a big one: the pieces after the first are for whoever is free
    left:add((size - 1) // PIECE)
    for from = PIECE, size - 1, PIECE do queue:put { name, from } end
    count(read_piece(file, 0))
  end

  for item in queue:items() do
    if type(item) == "string" then
      take_file(item)
      done:add(1)
    else
      local file <close> = io.open(item[1], "rb")
      if file then count(read_piece(file, item[2])) end -- else it was removed just now
    end
    if left:add(-1) == 0 then queue:close() end
  end
  return result
end

-- ==} {== the whole

local function merge(total, result)
  for word, n in pairs(result.words) do
    total.words[word] = (total.words[word] or 0) + n
  end
  for key, n in pairs(result) do
    if key ~= "words" then total[key] = total[key] + n end
  end
end

-- Counts with so many workers, and returns the sums and the seconds it took.
-- `progress(done)` is called now and then.
local function run(names, workers, progress)
  local queue = concur.queue()
  local left = concur.value(1) -- items that are not finished, and the feeding
  local done = concur.value(0) -- files that are
  local start = concur.now()

  -- Daemons, so that Ctrl-C need not wait for them.
  local threads = {}
  for i = 1, workers do
    threads[i] = concur.thread { target = work, args = { queue, left, done }, name = "counter-" .. i, daemon = true }
    threads[i]:start()
  end

  left:add(#names)
  for _, name in ipairs(names) do queue:put(name) end
  if left:add(-1) == 0 then queue:close() end

  local total
  for _, thread in ipairs(threads) do
    local ok, result
    repeat
      ok, result = thread:join(0.1)
      progress(done:get())
    until ok ~= nil
    if not ok then fail(1, "%s", result) end
    if total then merge(total, result) else total = result end
  end
  return total, concur.now() - start
end

local function most_frequent(words, n)
  local list = {}
  for word in pairs(words) do list[#list + 1] = word end
  table.sort(list, function(a, b)
    if words[a] ~= words[b] then return words[a] > words[b] end
    return a < b
  end)
  return table.move(list, 1, math.min(n, #list), 1, {}), #list
end

local options = read_arguments(arg)
local names = find(options.directories)

-- A line that is written over and over, where stderr is a terminal.
local on_terminal = os.execute "test -t 2"
local function progress_of(workers)
  return function(done)
    if not on_terminal then return end
    io.stderr:write(("\r%d of %d files, %d worker%s \27[K"):format(done, #names, workers, workers == 1 and "" or "s"))
  end
end

-- All workers go first: to read files for the first time takes longer, and that shall
-- not pass for a gain of theirs. What is done in no time is done a few times more, and
-- the best time counts.
local total
local seconds, seconds_alone = math.huge, math.huge
local start = concur.now()
for _ = 1, 5 do
  local alone, time
  total, time = run(names, options.workers, progress_of(options.workers))
  seconds = math.min(seconds, time)
  if options.workers > 1 then
    alone, time = run(names, 1, progress_of(1))
    if alone.count ~= total.count then io.stderr:write "word_count: files have changed meanwhile\n" end
  end
  seconds_alone = math.min(seconds_alone, time)
  if concur.now() - start > 1 then break end
end
if on_terminal then io.stderr:write "\r\27[K" end

local top, distinct = most_frequent(total.words, options.top)
for _, word in ipairs(top) do print(("%10d  %s"):format(total.words[word], word)) end
print()
for _, line in ipairs {
  { "files", total.files },
  { "words", total.count },
  { "distinct words", distinct },
  { "bytes", total.bytes },
  { "skipped, unreadable", total.unreadable },
  { "skipped, binary", total.binary },
} do
  print(("%-20s %12d"):format(table.unpack(line)))
end
print(("%-20s %12.3f s"):format("1 worker", seconds_alone))
if options.workers > 1 then print(("%-20s %12.3f s"):format(options.workers .. " workers", seconds)) end
print(("%-20s %12.2f"):format("speed-up", seconds_alone / seconds))

-- ==}
