-- Actors: each has a mailbox and a state that nobody else touches, and does one message after the other. The same
-- actor runs as a task of a loop and as a thread, since a mailbox is a queue.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local async = concur.async

-- An account that answers to the queue that comes with a question.
local function account(mailbox)
  local balance = 0
  for message in mailbox:items() do
    local what = message.what
    if what == "deposit" then
      balance = balance + message.amount
    elseif what == "withdraw" then
      local ok = balance >= message.amount
      if ok then balance = balance - message.amount end
      message.answer:put(ok)
    elseif what == "balance" then
      message.answer:put(balance)
    end
  end
  return balance
end

local function customers(mailbox, spawn)
  local threads = {}
  for i = 1, 4 do
    threads[i] = spawn(function()
      local answer = concur.queue()
      for _ = 1, 25 do
        mailbox:put { what = "deposit", amount = 2 }
        mailbox:put { what = "withdraw", amount = 1, answer = answer }
        assert(answer:get() == true) -- there is always enough, in whatever order they come
      end
    end)
  end
  return threads
end

-- As tasks, in one thread.
local in_tasks = async.run(function()
  local mailbox = concur.queue()
  local actor = async.spawn(account, mailbox)
  async.gather(customers(mailbox, async.spawn))
  local answer = concur.queue()
  mailbox:put { what = "balance", answer = answer }
  print("tasks: the account says " .. answer:get())
  mailbox:close()
  return actor:await()
end)

-- As threads, on all processors.
local mailbox = concur.queue()
local actor = concur.spawn(account, mailbox)
for _, thread in ipairs(customers(mailbox, concur.spawn)) do assert(thread:join()) end
mailbox:close()
local _, in_threads = actor:join()

print("tasks: " .. in_tasks .. ", threads: " .. in_threads)
assert(in_tasks == 100 and in_threads == 100)
