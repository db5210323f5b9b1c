-- wrk: one body to as many keys in turn. Arguments: prefix of the paths, how many keys, the body's file.
local prefix, count, number, body = "", 1, 0, nil
function init(args)
  prefix, count = args[1], tonumber(args[2])
  local file = assert(io.open(args[3], "rb"))
  body = file:read("*a")
  file:close()
end
function request()
  number = (number + 1) % count
  return wrk.format("PUT", string.format("%s%05d.jpeg", prefix, number), {["Content-Type"] = "image/jpeg"}, body)
end
