-- A seat is no longer part of the installation.
local seat = load_seat(A.seat)
if not seat then
  return finish(false, 'unknown')
end
touch_all(seat)
for _, help in ipairs(helps_of(seat)) do set_help(seat, help[1], nil) end
local span = set_status(seat, 'off', 'removed', NOW)
seat.registered = false
set_free(seat, NOW)
commit(seat, NOW, span)
redis.call('HDEL', seats_key(seat.centre), seat.id)
redis.call('HDEL', SEAT_CENTRE, seat.id)
return finish(true)
