-- Like one.lua, with the session cookie in the argument after `--` behind a cookie of the application.
dofile("one.lua")

local with_headers = init

function init(args)
  with_headers({ "" })
  wrk.headers["Authorization"] = nil
  wrk.headers["Cookie"] = "theme=dark; " .. args[1]
end
