-- A seat is in a talk: it answered (own false), or it dials (own true, which ends the reservations of others).
local seat = load_seat(A.seat)
if not seat then
  return finish(false, 'unknown')
end
if seat.state ~= 'idle' and seat.owner ~= A.owner then
  if not A.own then return finish(false, 'owner') end
  if seat.state == 'talking' then return finish(false, 'busy') end
  tried(seat.id, seat.owner)
  touch_all(seat)
end
local since = seat.state == 'talking' and seat.state_since or NOW
hold(seat, 'talking', since, A.owner, A.call, A.node, NOW + RULES.lease)
seat.unreachable_at = 0
commit(seat, NOW, nil)
return finish(true)
