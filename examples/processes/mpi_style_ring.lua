-- A number goes round a ring of processes, each of which knows its rank and talks to its neighbours
-- alone, over pipes: message passing as MPI has it. Each adds its rank; after all rounds the first one
-- has the sum.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local size, rounds = 4, example.count(100)

-- Pipes from each to the next; an end is given to the process that uses it.
local from, to = {}, {}
for rank = 1, size do
  local receiver, sender = concur.pipe(false)
  to[rank], from[rank % size + 1] = sender, receiver
end

local function member(rank, left, right)
  local token = rank == 1 and 0 or nil
  for _ = 1, rounds do
    if rank > 1 then token = left:recv() end
    right:send(token + rank)
    if rank == 1 then token = left:recv() end
  end
  return token
end

local ring = {}
for rank = 1, size do ring[rank] = concur.process(member, rank, from[rank], to[rank]):start() end
local sum
for rank = size, 1, -1 do
  local ok, token = ring[rank]:join(20)
  assert(ok, token)
  sum = token
end
print(("%d processes, %d rounds: %d"):format(size, rounds, sum))
assert(sum == rounds * size * (size + 1) // 2)
