--- How much memory of this process the system holds ready, in bytes.
return function()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s+(%d+)"
    if kilobytes then return kilobytes * 1024 end
  end
end
