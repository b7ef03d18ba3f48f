-- The same with one of as many tokens as stand behind `--`, each as likely as any other:
-- s.000000000000000000000001, and so on.
dofile("one.lua")

local with_headers = init

function init(args)
  with_headers({ "s.TOKEN" })
  count = tonumber(args[1])
  before, after = wrk.format():match("^(.*)TOKEN(.*)$")
  math.randomseed(count)
end

function request()
  return before .. string.format("%024d", math.random(count)) .. after
end
