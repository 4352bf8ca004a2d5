-- Two downloaders with lists of their own write to one file without a lock. Every
-- page arrives, and nothing is lost; but pages come in pieces, and in the file the
-- pieces of different pages are mixed. An address that fails is reported, and the
-- thread goes on with the next.
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

function FetchUrls:init(urls, path) self.urls, self.path = urls, path end

function FetchUrls:run()
  local output <close> = assert(io.open(self.path, "a"))
  output:setvbuf "no"
  while #self.urls > 0 do
    local url = table.remove(self.urls)
    local pieces, reason = open_url(url)
    if pieces then
      for piece in pieces do output:write(piece) end
      say("write done by %s", self.name)
      say("URL %s fetched by %s", url, self.name)
    else
      say("URL %s failed: %s", url, reason)
    end
  end
end

local path = os.tmpname()
local thread1 = FetchUrls({ "http://alpha.example", "http://beta.example" }, path)
local thread2 = FetchUrls({ "http://gamma.example", "htp://misspelt.example", "http://delta.example" }, path)
thread1:start()
thread2:start()
assert(thread1:join())
assert(thread2:join())

local file <close> = assert(io.open(path))
local text = file:read "a"
os.remove(path)
local changes = 0
for i = 1000, #text - 1000, 1000 do
  if text:sub(i, i) ~= text:sub(i + 1, i + 1) then changes = changes + 1 end
end
print(("%d bytes in the file, in %d stretches of different pages"):format(#text, changes + 1))

local lines = said()
assert(lines:count "^URL .* fetched by" == 4 and lines:count "^write done by" == 4)
-- each takes its list from the end
assert(lines:first "beta.example fetched by Thread%-1" < lines:first "alpha.example fetched by Thread%-1")
assert(lines:first "delta.example fetched by Thread%-2" < lines:first "gamma.example fetched by Thread%-2")
assert(lines:count "^URL htp://misspelt.example failed: unknown url type$" == 1)
assert(#text == 4 * 8000)
for letter in ("abgd"):gmatch "." do
  assert(select(2, text:gsub(letter, "")) == 8000)
end
