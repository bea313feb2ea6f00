-- What the person at the seat wants, at once.
local seat = load_seat(A.seat)
if not seat then
  return finish(false, 'unknown')
end
forget_kept(seat)
local span = set_status(seat, A.status, A.reason, NOW, A.till)
commit(seat, NOW, span)
touch_all(seat)
return finish(true)
