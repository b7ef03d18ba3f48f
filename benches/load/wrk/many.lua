-- Like one.lua, but each request has a random token. The argument after `--` is the number of tokens
-- (s.000000000000000000000001 and so on), or a file with one token per line.
dofile("one.lua")

local with_headers = init
local tokens

function init(args)
  with_headers({ "s.TOKEN" })
  before, after = wrk.format():match("^(.*)s%.TOKEN(.*)$")
  count = tonumber(args[1])
  if not count then
    tokens = {}
    for token in io.lines(args[1]) do
      tokens[#tokens + 1] = token
    end
    count = #tokens
  end
  math.randomseed(count)
end

function request()
  local number = math.random(count)
  return before .. (tokens and tokens[number] or string.format("s.%024d", number)) .. after
end
