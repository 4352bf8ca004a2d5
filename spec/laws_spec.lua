-- The checks of `make lint` that read the C code can fail.
local held = require "spec.support.held"

-- What is said about one file.
local function said(text, path)
  path = path or "csrc/bind/x.c"
  return table.concat(held.check(held.read({path}, {[path] = text})), "\n")
end

local function body(text) return "static int f(lua_State *L) {\n" .. text .. "\n}\n" end

describe("the check for calls into Lua under a lock", function()
  it("finds them", function()
    assert.equal("csrc/bind/x.c:3: f calls lua_pushnil while it holds &g",
      said(body "cc_guard_lock(&g, me);\nlua_pushnil(L);\ncc_guard_unlock(&g);"))
    assert.equal("csrc/bind/x.c:2: f calls luaL_error while it holds &o->guard",
      said(body "cc_guard_lock(&o->guard, me->word); if (x) { luaL_error(L, \"}\"); } cc_guard_unlock(&o->guard);"))
  end)

  it("finds them in functions that are called", function()
    local inner = "static void g(lua_State *L) {\n  lua_pop(L, 1);\n}\nvoid h(lua_State *L) { g(L); }\n"
    assert.equal("csrc/bind/x.c:6: f calls h while it holds &g",
      said(inner .. body "cc_guard_lock(&g, me); h(L); cc_guard_unlock(&g);"))
  end)

  it("follows blocks and jumps", function()
    assert.equal("", said(body [[
      cc_guard_lock(&g, me);
      if (bad) {
        cc_guard_unlock(&g);
        return luaL_error(L, "bad");
      }
      cc_guard_unlock(&g);
      lua_pushnil(L);
      return 1;]]))
    assert.equal("csrc/bind/x.c:7: f calls lua_pushnil while it holds &g", said(body [[
      cc_guard_lock(&g, me);
      if (bad) {
        cc_guard_unlock(&g);
        return 0;
      }
      lua_pushnil(L);
      cc_guard_unlock(&g);
      return 1;]]))
  end)

  it("finds locks that are not given up", function()
    assert.equal("csrc/bind/x.c:3: f ends and holds &g", said(body "cc_guard_lock(&g, me);"))
    assert.equal("", said(body "cc_guard_lock(&g, me);", "csrc/core/x.c"))
  end)

  it("is not misled by comments, strings and macros", function()
    assert.equal("", said("#define X(a) \\\n  cc_guard_lock(&g, a)\n" ..
      body "/* cc_guard_lock(&g, me); */ f(\"cc_guard_lock(&g\"); lua_pushnil(L);"))
  end)

  it("sees all of the module", function()
    local paths, functions = {}, 0
    local pipe <close> = assert(io.popen("ls csrc/*/*.c csrc/*/*.h"))
    for path in pipe:lines() do paths[#paths + 1] = path end
    local files = held.read(paths)
    for _, list in pairs(files) do functions = functions + #list end
    assert(functions > 1500, functions)
    assert.same({}, held.check(files))
  end)
end)
