-- Threads that talk through one shared list. A page of links is read into the list by one
-- thread, and ten others each take one link and fetch it.
--
-- In the first form the thread that fills the list is made, but never started: all ten find
-- the list empty, and what is nil cannot be fetched: ten errors are reported, and the main
-- thread goes on unharmed. In the second form it is started and waited for: twenty links go
-- in, ten are taken, ten are left.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local failed = concur.value(0)

-- Errors of threads are counted and told here, rather than written to stderr.
concur.excepthook = function(thread, err)
  failed:add(1)
  say("%s failed: %s", thread.name, err)
end

local function read_list(links)
  say "the list of pages comes"
  concur.sleep(example.pause(4))
  for i = 1, 20 do links:append("http://example.org/page/" .. i) end
  say "the list of pages is there"
end

local function read_page(links)
  local link = links:pop()
  if not link then error("there is no page to fetch", 0) end
  concur.sleep(example.pause(2))
  say("fetched %s", link)
end

local function crawl(with_list)
  local links = concur.list()
  local lister = concur.thread(read_list, links)
  if with_list then assert(lister:start():join()) end
  local readers = {}
  for i = 1, 10 do readers[i] = concur.spawn(read_page, links) end
  for _, reader in ipairs(readers) do reader:join() end
  return links
end

say "the list is never read:"
assert(#crawl(false) == 0)
assert(failed:get() == 10)

say "the list is read first:"
assert(#crawl(true) == 10)
assert(failed:get() == 10)

local lines = said()
assert(lines:count "failed" == 10 and lines:count "^fetched" == 10)
