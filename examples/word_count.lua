-- Counts the words of all text files below some directories, by a pool with a worker for each
-- processor:
--
--   lua5.4 examples/word_count.lua [--workers=N] [--top=N] [directory…]
--
-- The files are gathered into parts: several small ones, or a piece of a big one, so that nobody is left
-- alone with that at the end. Each part is a task that returns a table of its words; `map_reduce` adds
-- those up as they come. Then one worker does the same work alone, to see what the others gain.
--
-- A word is a run of ASCII letters, in lower case: what
-- `tr -cs A-Za-z '\n' | tr A-Z a-z` makes of a text.

local concur = require "concur"

local PIECE = 1 << 20 -- bytes of a big file that one task takes
local PART = 1 << 17 -- bytes of small files that one task takes, about
local BLOCK = 1 << 16 -- bytes that are read at a time where a piece is not

local usage = [[
usage: word_count.lua [--workers=N] [--top=N] [directory…]
Counts the words of all text files below the directories.

  --workers=N  workers of the pool (default: one for each processor)
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

-- The words of a piece of a big file, {name, from}. Whether the file is binary only all its pieces tell.
local function count_piece(piece)
  local name, from = table.unpack(piece)
  local result = { name = name, words = {}, count = 0, bytes = 0 }
  local file <close> = io.open(name, "rb")
  local text = file and read_piece(file, from)
  if not text then
    result.unreadable = true
    return result
  end
  file:seek("set", from)
  local bytes = file:read(PIECE) or ""
  result.bytes, result.binary = #bytes, bytes:find("\0", 1, true) ~= nil
  if not result.binary then result.count = count_words(text, result.words) end
  return result
end

-- The words of a part: a list of names of small files, or `piece`.
local function count_part(part)
  if part.piece then return count_piece(part.piece) end
  local result = { words = {}, files = 0, count = 0, bytes = 0, unreadable = 0, binary = 0 }
  for _, name in ipairs(part) do
    local file <close> = io.open(name, "rb")
    local text = file and file:read "a"
    if not text then
      result.unreadable = result.unreadable + 1
    elseif text:find("\0", 1, true) then
      result.binary = result.binary + 1
    else
      result.files = result.files + 1
      result.bytes = result.bytes + #text
      result.count = result.count + count_words(text, result.words)
    end
  end
  return result
end

-- ==} {== the whole

-- Cuts the files into parts. Those that cannot be opened are left to the workers, which
-- count them.
local function parts_of(names)
  local parts, small, gathered = {}, {}, 0
  for _, name in ipairs(names) do
    local file <close> = io.open(name, "rb")
    local size = file and file:seek "end" or 0
    if size > PIECE then
      for from = 0, size - 1, PIECE do parts[#parts + 1] = { piece = { name, from } } end
    else
      small[#small + 1] = name
      gathered = gathered + size
      if gathered >= PART or #small >= 200 then
        parts[#parts + 1] = small
        small, gathered = {}, 0
      end
    end
  end
  if #small > 0 then parts[#parts + 1] = small end
  return parts
end

local function merge_words(words, more)
  for word, n in pairs(more) do words[word] = (words[word] or 0) + n end
end

-- Adds what came of a part. Pieces are kept until it is known that none of their file is binary.
local function add(total, result)
  if result.name then
    local whole = total.big[result.name] or { words = {}, count = 0, bytes = 0 }
    total.big[result.name] = whole
    whole.binary = whole.binary or result.binary
    whole.unreadable = whole.unreadable or result.unreadable
    merge_words(whole.words, result.words)
    whole.count, whole.bytes = whole.count + result.count, whole.bytes + result.bytes
    return total
  end
  for key, n in pairs(result) do
    if key == "words" then merge_words(total.words, n) else total[key] = total[key] + n end
  end
  return total
end

local function add_big(total)
  for _, whole in pairs(total.big) do
    if whole.unreadable or whole.binary then
      local key = whole.unreadable and "unreadable" or "binary"
      total[key] = total[key] + 1
    else
      add(total, { words = whole.words, files = 1, count = whole.count, bytes = whole.bytes })
    end
  end
  return total
end

-- Counts with so many workers, and returns the sums and the seconds it took.
local function run(names, workers, progress)
  local start = concur.now()
  local pool <close> = concur.pool { workers = workers, name = "counter" }
  local total = { words = {}, files = 0, count = 0, bytes = 0, unreadable = 0, binary = 0, big = {} }
  pool:map_reduce(count_part, parts_of(names), add, total, { chunk = 1, progress = progress })
  return add_big(total), concur.now() - start
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

-- All workers go first: to read files for the first time takes longer, and that shall
-- not pass for a gain of theirs. What is done in no time is done a few times more, and
-- the best time counts.
local on_terminal = os.execute "test -t 2" or nil
local total
local seconds, seconds_alone = math.huge, math.huge
local start = concur.now()
for _ = 1, 5 do
  local alone, time
  total, time = run(names, options.workers, on_terminal)
  seconds = math.min(seconds, time)
  if options.workers > 1 then
    alone, time = run(names, 1, on_terminal)
    if alone.count ~= total.count then io.stderr:write "word_count: files have changed meanwhile\n" end
  end
  seconds_alone = math.min(seconds_alone, time)
  if concur.now() - start > 1 then break end
end
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
