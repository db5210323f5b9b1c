-- wrk: the origin's images in turn. Arguments: prefix of the paths, how many there are.
local prefix, count, number = "", 1, 0
function init(args)
  prefix, count = args[1], tonumber(args[2])
  number = math.random(0, count - 1)
end
function request()
  number = (number + 1) % count
  return wrk.format("GET", string.format("%s%05d.jpeg", prefix, number))
end
