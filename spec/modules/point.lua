--- A class, as a module returns it.
local point = {}
point.__index = point
point.zero = setmetatable({ x = 0, y = 0 }, point)

function point.new(x, y) return setmetatable({ x = x, y = y }, point) end

function point:move(dx, dy) return point.new(self.x + dx, self.y + dy) end

function point.__eq(a, b) return a.x == b.x and a.y == b.y end

function point.__tostring(p) return ("(%g, %g)"):format(p.x, p.y) end

return point
