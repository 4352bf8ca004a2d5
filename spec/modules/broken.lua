--- Loads only where its creator says so.
if not rawget(_G, "broken_may_load") then error("broken on purpose") end

return { name = "broken", f = function() return "f" end }
