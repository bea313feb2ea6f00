-- Free a seat if its owner still holds it; wrap-up and the mark of an unreachable phone as asked.
local seat = load_seat(A.seat)
if not seat or seat.state == 'idle' or seat.owner ~= A.owner then
  return finish(false, 'owner')
end
if seat.state ~= 'talking' then
  tried(seat.id, seat.owner)
end
set_free(seat, NOW)
if A.unreachable then
  seat.unreachable_at = NOW
end
local span
if A.wrap_until > NOW then
  if seat.status == 'off' and seat.kept_status == 'available' then
    seat.kept_status, seat.kept_reason, seat.kept_until = 'wrap-up', '', A.wrap_until
  elseif seat.status == 'wrap-up' then
    if seat.wrap_until > 0 then seat.wrap_until = math.max(seat.wrap_until, A.wrap_until) end
  elseif seat.status == 'available' then
    span = set_status(seat, 'wrap-up', '', NOW, A.wrap_until)
  end
end
commit(seat, NOW, span)
touch_all(seat)
return finish(true)
