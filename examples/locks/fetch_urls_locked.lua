-- Two downloaders write to one file, and hold a lock meanwhile. Each page is in the
-- file in one piece, and each thread's lines about its lock stand together. (Without
-- a lock: threads/fetch_urls_unlocked.lua.)
--
-- The network is played by a function. A file handle cannot be shared between
-- threads, so each opens the file itself, for appending.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

-- Returns an iterator over the pieces of a page, which take their time; or nil and
-- the reason.
local function open_url(url)
  local letter = url:match "^http://(%a)"
  if not letter then return nil, "unknown url type" end
  local pieces = 0
  return function()
    pieces = pieces + 1
    if pieces > 8 then return nil end
    concur.sleep(example.pause(0.1))
    return letter:rep(1000)
  end
end

local FetchUrls = concur.thread:extend()

function FetchUrls:init(urls, path, lock) self.urls, self.path, self.lock = urls, path, lock end

function FetchUrls:run()
  local output <close> = assert(io.open(self.path, "a"))
  output:setvbuf "no"
  for _, url in ipairs(self.urls) do
    local pieces, reason = open_url(url)
    if pieces then
      do
        local _ <close> = self.lock:acquire()
        say("lock taken by %s", self.name)
        for piece in pieces do output:write(piece) end
        say("write done by %s", self.name)
        say("lock released by %s", self.name)
      end
      say("URL %s fetched by %s", url, self.name)
    else
      say("URL %s failed: %s", url, reason)
    end
  end
end

local path = os.tmpname()
local lock = concur.lock()
local thread1 = FetchUrls({ "http://alpha.example", "http://beta.example" }, path, lock)
local thread2 = FetchUrls({ "http://gamma.example", "htp://misspelt.example", "http://delta.example" }, path, lock)
thread1:start()
thread2:start()
assert(thread1:join())
assert(thread2:join())

local file <close> = assert(io.open(path))
local text = file:read "a"
os.remove(path)
print(("%d bytes in the file"):format(#text))

local lines = said()
assert(lines:count "^URL .* fetched by" == 4)
assert(lines:count "^URL htp://misspelt.example failed: unknown url type$" == 1)
-- Of the lines that were said while the lock was held, three of one thread follow
-- each other; the others may come in between.
local held = {}
for _, line in ipairs(lines) do
  if not line:find "^URL" then held[#held + 1] = line end
end
assert(#held == 12)
for i = 1, #held, 3 do
  local name = held[i]:match "^lock taken by (.*)$"
  assert(held[i + 1] == "write done by " .. name and held[i + 2] == "lock released by " .. name)
end
-- Each page is in one piece.
assert(#text == 4 * 8000)
for letter in ("abgd"):gmatch "." do
  assert(text:find(letter:rep(8000), 1, true))
end
