-- luacheck, run by `make lint`
std = "lua54"
max_line_length = 120
cache = false

files["spec"] = { std = "lua54+busted" }
files["spec/support"] = { globals = { "arg" } } -- run.lua writes busted's command line
