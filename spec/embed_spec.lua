-- concur.h: a C program that uses concur without Lua states and beside them.
local h = require "spec.support.helpers"

local build = assert(package.searchpath("concur", package.cpath)):match("^(.*)/")

describe("concur.h", function()
  local directory, programs, edges = {}, {}, nil

  local found = ("-L'%s' -Wl,-rpath,'%s' -Werror -Wall -Wextra"):format(build, build)
  setup(function()
    directory[1], programs.shared = h.compile("spec/c/embed.c", "embed", found, true, "-lconcur")
    directory[3], edges = h.compile("spec/c/embed_edges.c", "edges", found, true, "-lconcur")
    -- a sanitizer's runtime comes from the environment, which a static library would need linked
    if not os.getenv("LUA") then
      directory[2], programs.static = h.compile("spec/c/embed.c", "embed", "-Werror", true, build .. "/libconcur.a")
    end
  end)
  teardown(function()
    for _, d in pairs(directory) do os.execute("rm -r " .. h.quote(d)) end
  end)

  local function run(program, mode)
    local out = directory[1] .. "/out"
    local preload = (os.getenv("LUA") or ""):match("^env LD_PRELOAD=%S+") or ""
    local ok, how, code = os.execute(("timeout -k 1 60 %s %s %s %s >%s 2>&1"):format(preload, program, mode,
      preload ~= "" and "watched" or "", out))
    assert.is_true(ok, ("%s %s: %s"):format(how, code, h.read(out)))
    local text = h.read(out)
    assert.equal("ok\n", text:sub(-3), text)
  end

  local modes = {
    queues = "has C threads put and get",
    items = "takes values of every type in and out",
    locks = "has locks and rlocks, abandoned ones included",
    signals = "has events and semaphores",
    values = "has shared values",
    updated = "waits while Lua code updates a value",
    futures = "sets, awaits and cancels futures",
    threads = "runs Lua code in threads, prepared by the host",
    processes = "runs Lua code in processes, prepared by the host",
    scripts = "serves scripts that use the host's module in every state",
    memory = "takes the memory of states from the host's allocator",
    again = "opens and closes states with threads alive, and keeps no memory",
    deadlocks = "reports no deadlock that the host's threads could end",
  }
  for mode, what in pairs(modes) do
    it(what, function()
      for _, program in pairs(programs) do run(program, mode) end
    end)
  end

  local edge_modes = {
    forward = "sends on what futures and threads gave, which then counts",
    code = "takes code by its size, and binary code",
    edges = "takes numbers, sizes and timeouts at the edge",
    inside = "waits and starts in C functions of threads, tasks and processes",
    hooks = "survives hooks that yield, raise, or are changed meanwhile",
    killed = "leaves nothing of a killed process that had items",
    starved = "says so when shared memory is used up, wherever that happens",
    meagre = "says so when the host's allocator has no memory, wherever that happens",
    last = "releases in threads that are new to concur",
  }
  for mode, what in pairs(edge_modes) do
    it(what, function() run(edges, mode) end)
  end
end)
