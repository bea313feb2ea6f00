-- A seat helps another centre from now on, or otherwise than before.
local seat = load_seat(A.seat)
if not seat then
  return finish(false, 'unknown')
end
if seat.centre == A.centre then
  return finish(false, 'own')
end
if set_help(seat, A.centre, {A.centre, A.groups, A.home, A.exclusive}) then
  redis.call('SADD', CENTRES, A.centre)
  commit(seat, NOW, nil)
  touch_all(seat)
end
return finish(true)
