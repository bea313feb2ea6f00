-- A seat's phone is gone.
local seat = load_seat(A.seat)
if not seat or not seat.registered then
  return finish(false, 'off')
end
seat.registered = false
local span
if seat.status ~= 'off' then
  if A.why ~= 'unregistered' then
    seat.kept_status, seat.kept_reason = seat.status, seat.reason
    seat.kept_until, seat.kept_at = seat.wrap_until, NOW
  end
  span = set_status(seat, 'off', A.why, NOW)
end
commit(seat, NOW, span)
touch_all(seat)
return finish(true)
