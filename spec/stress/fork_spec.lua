-- spec/fork_spec.lua with so many forks that rare moments are met.
require("spec.support.helpers").forks = 2000
dofile "spec/fork_spec.lua"
