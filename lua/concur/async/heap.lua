--- Heap: what has a deadline, the earliest first. Each entry knows its place, so that it can be taken out.
-- @module concur.async.heap
local heap = {}

local function up(h, i, entry)
  local deadline = entry.deadline
  while i > 1 do
    local parent = h[i // 2]
    if parent.deadline <= deadline then break end
    h[i], parent.place = parent, i
    i = i // 2
  end
  h[i], entry.place = entry, i
end

local function down(h, i, entry)
  local n, deadline = #h, entry.deadline
  while 2 * i <= n do
    local j = 2 * i
    if j < n and h[j + 1].deadline < h[j].deadline then j = j + 1 end
    local child = h[j]
    if child.deadline >= deadline then break end
    h[i], child.place = child, i
    i = j
  end
  h[i], entry.place = entry, i
end

function heap.push(h, entry) up(h, #h + 1, entry) end

--- Takes an entry out, which may be in no heap.
function heap.remove(h, entry)
  local i, n = entry.place, #h
  if not i then return end
  local last = h[n]
  h[n], entry.place = nil, nil
  if last == entry then return end
  if i > 1 and h[i // 2].deadline > last.deadline then up(h, i, last) else down(h, i, last) end
end

return heap
