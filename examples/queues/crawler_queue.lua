-- A crawler: one thread reads lists of addresses and puts them into a queue, ten others
-- take them out and read the pages.
--
--   deadlock  the reader of lists is made, but never started. All ten wait for an
--             address that nobody will put: the report names each of them
--   repaired  it is started, and closes the queue after its last list
--
--   lua5.4 crawler_queue.lua [deadlock|repaired]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()
local lists, per_list = example.count(2), 20
local limit = 1000

local function read_lists(urls)
  for list = 1, lists do
    say("list %d started", list)
    concur.sleep(example.pause(4))
    for i = 0, per_list - 1 do urls:put(("http://crawler.example/%d/%d"):format(list, i)) end
    say("list %d ended", list)
  end
  urls:close()
end

local function read_pages(urls)
  for url in urls:items() do
    assert(urls:qsize() <= limit)
    say("page %s started", url)
    concur.sleep(example.pause(2))
    say("page %s ended", url)
  end
end

local function crawl(is_started)
  local urls = concur.queue(limit)
  local reader = concur.thread { target = read_lists, args = { urls }, name = "lists" }
  local threads = {}
  for i = 1, 10 do
    threads[i] = concur.thread({ target = read_pages, args = { urls }, name = "pages-" .. i }):start()
  end
  if is_started then threads[11] = reader:start() end
  return threads, reader
end

local function deadlock()
  local threads, reader = crawl(false)
  local report = example.deadlock(threads)
  local _, waiting = report:gsub("pages%-%d+ waits for concur%.queue: [^\n]*, at [^\n]*crawler_queue%.lua:%d+", "")
  assert(waiting == 10 and reader:status() == "new")
  assert(#said() == 0) -- nobody got as far as a line
end

local function repaired()
  local from = #said() + 1
  for _, thread in ipairs(crawl(true)) do assert(thread:join()) end
  local lines = said()
  assert(#lines - from + 1 == lists * (2 + 2 * per_list))
  for list = 1, lists do
    for i = 0, per_list - 1 do
      local url = ("http://crawler%%.example/%d/%d "):format(list, i)
      assert(lines:count(url .. "started$") == 1 and lines:count(url .. "ended$") == 1)
    end
  end
end

local variant = arg[1] or "both"
if variant ~= "repaired" then
  print "-- deadlock"
  deadlock()
end
if variant ~= "deadlock" then
  print "-- repaired"
  repaired()
end
