--- The index of examples, the tables in examples/README.md: which row of the documents' examples and concepts has
-- which script.

local index = {}

-- "L09–L11, K082" as {"L09", "L10", "L11", "K082"}.
local function expand(text)
  local rows = {}
  for item in text:gmatch "[^,%s]+" do
    local letters, first, last = item:match "^(%u+)(%d+)–%u+(%d+)$"
    if letters then
      for number = tonumber(first), tonumber(last) do
        rows[#rows + 1] = ("%s%0" .. #first .. "d"):format(letters, number)
      end
    else
      rows[#rows + 1] = item
    end
  end
  return rows
end

--- The scripts of the index in its order: `{file=, rows=, title=}`, with `rows` a list of names such as "T01".
function index.read()
  local list = {}
  for line in io.lines "examples/README.md" do
    local rows, script, title = line:match "^| ([^|]*)| `([%w_/]+%.%l+)` | (.*) |$"
    if script then list[#list + 1] = { file = "examples/" .. script, rows = expand(rows), title = title } end
  end
  return list
end

return index
