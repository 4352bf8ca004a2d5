-- Two speakers who take turns: each says a sentence, notifies the other one, and waits
-- for the answer. With a lock alone they talk when they like: locks/dialogue_lock_only.lua.
-- Who answers has to wait already when the other one begins: dialogue_lost_notify.lua.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Speaker = concur.thread:extend()

function Speaker:init(name, condition, sentences)
  self.name, self.condition, self.sentences = name, condition, sentences
end

-- The one who begins: speaks, and waits for the answer.
local Asker = Speaker:extend()

function Asker:run()
  local _ <close> = self.condition:acquire()
  for _, sentence in ipairs(self.sentences) do
    say("%s: %s", self.name, sentence)
    self.condition:notify()
    self.condition:wait()
  end
end

-- The one who answers: waits, and speaks.
local Answerer = Speaker:extend()

function Answerer:run()
  local _ <close> = self.condition:acquire()
  for _, sentence in ipairs(self.sentences) do
    self.condition:wait()
    say("%s: %s", self.name, sentence)
    self.condition:notify()
  end
end

local condition = concur.condition()
local zoe = Asker("Zoë", condition, { "Jürgen, are you there?", "Shall we recite a poem?" })
local juergen = Answerer("Jürgen", condition, { "Yes, I am here.", "Certainly, you begin." })
juergen:start()
example.until_waiting(juergen)
zoe:start()
assert(zoe:join())
assert(juergen:join())

assert(table.concat(said(), "\n") == [[
Zoë: Jürgen, are you there?
Jürgen: Yes, I am here.
Zoë: Shall we recite a poem?
Jürgen: Certainly, you begin.]])
