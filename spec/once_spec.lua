-- concur.once
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local function cancel(t)
  kit.until_waiting(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

describe("a once", function()
  it("runs its function once, and gives the results each time", function()
    local once, runs = concur.once(), 0
    assert.are.equal("once", concur.type(once))
    for _ = 1, 3 do
      kit.same({ 1, nil, "x", nil, n = 4 }, table.pack(once:run(function(...)
        runs = runs + 1
        return ...
      end, 1, nil, "x", nil)))
    end
    assert.are.equal(1, runs)
    kit.same({ 1, nil, "x", nil, n = 4 }, table.pack(once:run(error)))
    local none = concur.once()
    assert.are.equal(0, select("#", none:run(function() end)))
    assert.are.equal(0, select("#", none:run(function() return 1 end)))
  end)

  it("gives copies of tables, functions, handles", function()
    local once, queue = concur.once(), concur.queue()
    local cyclic = { list = { 1, 2, { "three" } }, nan = 0 / 0 }
    cyclic.self, cyclic.again = cyclic, cyclic.list
    local made = table.pack(once:run(function() return cyclic, queue, function(x) return x, queue end end))
    for _ = 1, 2 do
      local got = table.pack(once:run(error))
      kit.same(made, got)
      assert.is_true(got[2] == queue)
      kit.same({ 7, true }, { (got[3](7)), select(2, got[3](7)) == queue })
      got[1].list[1] = "changed" -- is the caller's own
    end
  end)

  it("prints whether it is done", function()
    local once = concur.once()
    local before = tostring(once)
    assert.is_truthy(before:find("^concur%.once: 0x%x+ %(.+%)$"), before)
    once:run(function() end)
    assert.is_truthy(tostring(once):find("^concur%.once: 0x%x+ %(.*done.*%)$"), tostring(once))
    assert.are_not.equal(before, tostring(once))
  end)

  it("an error goes to that caller, and the next one tries", function()
    local once, value = concur.once(), { "on purpose" }
    for _ = 1, 3 do
      assert.is_true(rawequal(value, kit.error_of(function() once:run(error, value) end)))
      assert.is_nil(kit.error_of(function() once:run(error) end))
    end
    local message = kit.error_of(function() once:run(function() error("on purpose") end) end)
    assert.is_truthy(message:find("once_spec.lua:%d+: on purpose$"))
    assert.are.equal("fine", once:run(function() return "fine" end))
    assert.are.equal("fine", once:run(error))
  end)

  it("results that cannot cross are such an error", function()
    local once = concur.once()
    local message = kit.error_of(function()
      once:run(function() return { here = coroutine.create(print) } end)
    end)
    assert.is_truthy(message:find("^spec/once_spec.lua:%d+: cannot transfer a thread %(at "), message)
    assert.is_truthy(message:find(".here", 1, true), message)
    assert.are.equal(1, once:run(function() return 1 end))
  end)

  it("refuses wrong arguments, also when it is done", function()
    local once = concur.once()
    for _ = 1, 2 do
      kit.raises("bad argument #1 to 'run' (…", function() once:run() end)
      kit.raises("bad argument #1 to 'run' (…", function() once:run(7) end)
      kit.raises("bad argument #1 to 'run' (…", function() once:run {} end)
      kit.raises("bad argument #1 to 'run' (…", function() once.run(concur.lock(), print) end)
      once:run(function() end)
    end
  end)

  it("refuses to be run by the function that it runs", function()
    local once = concur.once()
    local result = once:run(function()
      kit.raises("…", function() once:run(function() return "inner" end) end)
      local other = concur.once()
      assert.are.equal("other", other:run(function() return "other" end))
      return "outer"
    end)
    assert.are.equal("outer", result)
    local again = concur.once() -- uncaught, it is the function's error
    assert.is_false(pcall(again.run, again, function() return again:run(print) end))
    assert.are.equal(2, again:run(function() return 2 end))
  end)
end)

kit.each_kind(function(kind)
  describe("a once between threads", function()
    it("is the same object", function()
      local once = concur.once()
      kit.same({ once:id(), true, "once", "there", n = 4 }, table.pack(kit.join(kind.spawn(function(o)
        return o:id(), o == once, concur.type(o), (o:run(function() return "there" end))
      end, once))))
      assert.are.equal("there", once:run(error))
    end)

    for _, threads in ipairs { 2, 32 } do
      it(("runs exactly once, of %d"):format(threads), function()
        for _ = 1, 10 do
          local once, runs = concur.once(), concur.value(0)
          local list = {}
          for i = 1, threads do
            list[i] = kind.spawn(function()
              return once:run(function(...)
                runs:add(1)
                concur.yield()
                return { by = i, args = { ... }, runs = runs }, "more", nil
              end, "a", i)
            end)
          end
          local by
          for _, t in ipairs(list) do
            local results = table.pack(kit.join(t))
            kit.same({ 3, "more" }, { results.n, results[2] })
            by = by or results[1].by
            kit.same({ by, "a", by, true }, {
              results[1].by, results[1].args[1], results[1].args[2], results[1].runs == runs,
            })
          end
          assert.are.equal(1, runs:get())
        end
      end)
    end

    it("the others wait for the one that runs", function()
      local once, go = concur.once(), concur.event()
      local runner = kind.spawn(function()
        return once:run(function()
          assert(go:wait(T))
          return "result"
        end)
      end)
      kit.until_waiting(runner)
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function() return once:run(function() return "another" end) end)
        kit.until_waiting(list[i])
      end
      go:set()
      assert.are.equal("result", kit.join(runner))
      for _, t in ipairs(list) do assert.are.equal("result", kit.join(t)) end
    end)

    it("an error, a cancellation, an exit, lets the next one run", function()
      for _, how in ipairs { "error", "cancel", "exit" } do
        local once, go, never = concur.once(), concur.event(), concur.event()
        local runner = kind.spawn(function()
          return once:run(function()
            assert(go:wait(T))
            if how == "error" then error("on purpose", 0) end
            if how == "exit" then concur.exit("exited") end
            never:wait(T)
          end)
        end)
        kit.until_waiting(runner)
        local list = {}
        for i = 1, 3 do
          list[i] = kind.spawn(function() return once:run(function() return i end) end)
          kit.until_waiting(list[i])
        end
        if how == "cancel" then runner:cancel() end
        go:set()
        local results = table.pack(runner:join(T))
        if how == "error" then kit.same({ false, "on purpose", n = 2 }, results)
        elseif how == "exit" then kit.same({ true, "exited", n = 2 }, results)
        else assert.is_true(results[1] == false and results[2] == concur.CANCELLED) end
        for _, t in ipairs(list) do assert.are.equal(1, kit.join(t)) end -- the first of them
        assert.are.equal(1, once:run(error))
      end
    end)

    it("each of many that fail gets its own error, until one does not", function()
      local once, tries = concur.once(), concur.value(0)
      local list = {}
      for i = 1, 16 do
        list[i] = kind.spawn(function()
          return once:run(function()
            local try = tries:add(1)
            if try < 9 then error({ try = try, by = i }) end
            return "try", try
          end)
        end)
      end
      local failed, seen = 0, {}
      for i, t in ipairs(list) do
        local ok, value, try = t:join(T)
        if ok then
          kit.same({ "try", 9 }, { value, try })
        else
          failed = failed + 1
          assert.are.equal(i, value.by)
          assert.is_nil(seen[value.try])
          seen[value.try] = true
        end
      end
      assert.are.equal(8, failed)
      assert.are.equal(9, tries:get())
    end)

    it("a cancelled waiter leaves it as if it had never waited", function()
      local once, go = concur.once(), concur.event()
      local runner = kind.spawn(function()
        once:run(function()
          assert(go:wait(T))
          error("on purpose")
        end)
      end)
      kit.until_waiting(runner)
      local first = kind.spawn(function() return once:run(function() return "first" end) end)
      kit.until_waiting(first)
      local second = kind.spawn(function() return once:run(function() return "second" end) end)
      kit.until_waiting(second)
      cancel(first)
      go:set()
      assert.are.equal("second", kit.join(second))
      assert.is_false((runner:join(T)))
      assert.are.equal("second", once:run(error))
    end)

    it("runners and waiters that are cancelled at random never block it", function()
      for i = 1, 100 do
        local once = concur.once()
        local list = {}
        for k = 1, 4 do
          list[k] = kind.spawn(function()
            return once:run(function()
              for _ = 1, 200 do concur.checkpoint() end
              return k
            end)
          end)
        end
        for _ = 1, i % 6 do concur.yield() end
        for k = 1, 3 do list[k]:cancel() end
        local result = kit.join(list[4])
        assert.are.equal(result, once:run(error))
        for k = 1, 3 do
          local ok, value = list[k]:join(T)
          assert.is_true(value == (ok and result or concur.CANCELLED))
        end
      end
    end)

    it("is counted back, with what its results hold", function()
      local before = kit.live()
      do
        local once = concur.once()
        kit.join(kind.spawn(function() once:run(function() return { concur.queue(), concur.lock() } end) end))
        assert.are.equal("lock", concur.type(once:run(error)[2]))
        local other = concur.once()
        pcall(other.run, other, error)
      end
      kit.settled(before)
    end)
  end)
end)
