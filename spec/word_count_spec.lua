-- The main job, examples/word_count.lua, against what the shell finds in the same
-- small tree.

require "concur" -- in builds for a sanitizer it keeps the runtime from shells, which would crash

local lua = os.getenv "LUA" or "lua5.4"
local root

local function quote(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

-- Runs a shell command in the tree. Returns what it wrote, and its exit status.
local function shell(command)
  local pipe = assert(io.popen("exec 2>&1; cd " .. quote(root) .. " && { " .. command .. "\n}"))
  local output = pipe:read "a"
  local _, _, status = pipe:close()
  return output, status
end

local here = io.popen("pwd"):read "l"
local script = quote(here .. "/examples/word_count.lua")

-- Root reads every file. Without these capabilities it is like anybody else.
local as_user = ""
if io.popen("id -u"):read "n" == 0 then
  local drop = "setpriv --bounding-set=-dac_override,-dac_read_search "
  if os.execute(drop .. "true 2>/dev/null") then as_user = drop end
end

local function word_count(arguments)
  return shell(("%s %s %s %s </dev/null"):format(as_user, lua, script, arguments))
end

local function write(name, text)
  local file = assert(io.open(root .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

-- The figures at the end of the output, and the words before them, as `uniq -c` has them.
local function parse(output)
  local list, figures = {}, {}
  for line in output:gmatch "[^\n]+" do
    local n, word = line:match "^ *(%d+)  (%l+)$"
    if word then list[#list + 1] = n .. " " .. word end
    local name, value = line:match "^(%l[%l ,-]*%l) +(%d+)$"
    if name then figures[name] = tonumber(value) end
  end
  return list, figures
end

-- What the shell finds in the files that a command lists, with NUL between names. The
-- echo keeps the last word of a file apart from the first word of the next.
local function expected(list_files)
  local counts = shell(list_files .. [[ | xargs -0 -n 1 sh -c 'cat "$0"; echo' |
    LC_ALL=C tr -cs A-Za-z '\n' | LC_ALL=C tr A-Z a-z | grep . |
    LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2]])
  local list, sum = {}, 0
  for n, word in counts:gmatch "(%d+) (%l+)\n" do
    list[#list + 1] = n .. " " .. word
    sum = sum + n
  end
  return list, sum
end

describe("word_count", function()
  setup(function()
    root = os.tmpname()
    os.remove(root)
    assert(os.execute("mkdir -p " .. quote(root .. "/tree/sub/deep") .. " " .. quote(root .. "/nothing")))
    write("tree/plain.txt", "The quick brown fox. the lazy-dog's THE\nfox\tFOX")
    write("tree/empty.txt", "")
    write("tree/no words", "1234 5678 -- \n\n")
    write("tree/sub/latin1.txt", "na\239ve caf\233 na\239ve")
    write("tree/sub/utf8.txt", "naïve café 漢字 the\r\nend")
    write("tree/sub/deep/binary", "the the\0the the")
    write("tree/sub/deep/locked", "nobody may read this")
    write("tree/-name with\nnewline, 'quotes' and $(echo trouble)*?\\", "strange names are the norm")
    assert(os.execute("chmod 0 " .. quote(root .. "/tree/sub/deep/locked")))
    assert(os.execute(("ln -s plain.txt %s; ln -s .. %s"):format(
      quote(root .. "/tree/link"), quote(root .. "/tree/sub/loop"))))
    -- Big files are counted in pieces, whose borders fall into words.
    local parts, state = {}, 1
    for i = 1, 150000 do
      state = (state * 1103515245 + 12345) & 0x7fffffff
      parts[i] = ("word"):rep(state >> 16 & 3) .. string.char(97 + (state >> 20) % 26, 65 + (state >> 8) % 26)
    end
    write("tree/big.txt", table.concat(parts, " ", 1, 75000) .. "\n" .. table.concat(parts, ", ", 75001))
    write("tree/aaa.txt", ("a"):rep(2500000) .. " end")
    write("tree/one piece", ("x"):rep((1 << 20) - 1) .. " y")
    write("tree/two pieces", ("z "):rep(1 << 20))
    write("tree/big binary", ("text "):rep(500000) .. "\0")
  end)

  teardown(function() os.execute("chmod -R u+rwx " .. quote(root) .. " && rm -rf " .. quote(root)) end)

  it("finds what cat, tr, sort and uniq find", function()
    local locked = shell(as_user .. "cat tree/sub/deep/locked"):find "denied"
    local list_files = "find tree -type f ! -name '*binary' " .. (locked and "! -name locked" or "") .. " -print0"
    local words, sum = expected(list_files)
    local files = tonumber((shell(list_files .. " | tr -dc '\\0' | wc -c")))
    local bytes = tonumber((shell(list_files .. " | xargs -0 cat | wc -c")))
    assert(sum > 150000 and #words > 100)
    for _, workers in ipairs { 1, 2, 5 } do
      local output, status = word_count("--top=100000000 --workers=" .. workers .. " tree")
      local list, figures = parse(output)
      assert.equal(0, status)
      -- not `same`, whose report of a difference would fill pages
      for i = 1, math.max(#words, #list) do
        if words[i] ~= list[i] then error(("line %d: expected %s, got %s"):format(i, words[i], list[i])) end
      end
      assert.equal(files, figures.files)
      assert.equal(sum, figures.words)
      assert.equal(#words, figures["distinct words"])
      assert.equal(bytes, figures.bytes)
      assert.equal(2, figures["skipped, binary"])
      assert.equal(locked and 1 or 0, figures["skipped, unreadable"])
    end
  end)

  it("prints the 20 most frequent words, and the times", function()
    local output, status = word_count "--workers=3 tree"
    assert.equal(0, status)
    assert.equal(20, #parse(output))
    assert.truthy(output:find "\n1 worker +%d+%.%d+ s\n3 workers +%d+%.%d+ s\nspeed%-up +%d+%.%d+\n$")
    assert.falsy(output:find "\r") -- no progress where there is no terminal
  end)

  it("takes several directories, single files, and names like options", function()
    local one = select(2, parse((word_count "tree/plain.txt")))
    assert.equal(11, one.words)
    local two = select(2, parse((word_count "tree/plain.txt nothing tree/sub/utf8.txt")))
    assert.equal(2, two.files)
    local strange = select(2, parse((shell(("cd tree && %s %s -- -name*"):format(lua, script)))))
    assert.equal(5, strange.words)
  end)

  it("has nothing to count in an empty directory", function()
    local output, status = word_count "nothing"
    local list, figures = parse(output)
    assert.equal(0, status)
    assert.equal(0, #list)
    assert.equal(0, figures.files)
    assert.equal(0, figures.words)
  end)

  it("says what is wrong with its arguments", function()
    local output, status = word_count "--help"
    assert.equal(0, status)
    assert.truthy(output:find "^usage:")
    for arguments, message in pairs {
      ["--workers=0 tree"] = "--workers must be a positive integer, not '0'",
      ["--workers=many tree"] = "--workers must be a positive integer, not 'many'",
      ["--top=1.5 tree"] = "--top must be a positive integer, not '1.5'",
      ["--fast tree"] = "unknown option --fast",
    } do
      output, status = word_count(arguments)
      assert.equal(2, status)
      assert.truthy(output:find(message, 1, true))
    end
    output, status = word_count "tree missing"
    assert.equal(1, status)
    assert.truthy(output:find("missing: No such file or directory", 1, true))
    assert.falsy(output:find "traceback")
  end)
end)
