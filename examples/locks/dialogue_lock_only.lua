-- Two speakers, and a lock that keeps their sentences apart. It does not make them
-- take turns: one of them may say all that he has to say before the other one gets
-- the lock. Whose turn it is takes a condition: conditions/dialogue.lua.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Speaker = concur.thread:extend()

function Speaker:init(name, lock, sentences)
  self.name, self.lock, self.sentences = name, lock, sentences
end

function Speaker:run()
  for _, sentence in ipairs(self.sentences) do
    local _ <close> = self.lock:acquire()
    say("%s: %s", self.name, sentence)
  end
end

local lock = concur.lock()
local zoe = Speaker("Zoë", lock, { "Jürgen, are you there?", "Shall we recite a poem?" })
local juergen = Speaker("Jürgen", lock, { "Yes, I am here.", "Certainly, you begin." })
zoe:start()
juergen:start()
assert(zoe:join())
assert(juergen:join())

-- The order of each speaker's sentences is certain; how they mix is not.
local lines = said()
assert(#lines == 4)
assert(lines:first "^Zoë: Jürgen" < lines:first "^Zoë: Shall")
assert(lines:first "^Jürgen: Yes" < lines:first "^Jürgen: Certainly")
