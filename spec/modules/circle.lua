--- A class that inherits from one of another module.
local point = require "modules.point"

local circle = setmetatable({}, { __index = point })
circle.__index = circle

function circle.new(x, y, r)
  local self = point.new(x, y)
  self.r = r
  return setmetatable(self, circle)
end

function circle:area() return math.pi * self.r ^ 2 end

return circle
