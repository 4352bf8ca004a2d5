--- Fields within fields.
local nested = { a = { b = { c = function() return "c" end, list = { "list" } } }, [1] = { "by number" } }

nested["with space"] = { f = function() return "f" end }
nested.self = nested
nested.state = { n = 0 }

function nested.count()
  nested.state.n = nested.state.n + 1
  return nested.state.n
end

return nested
