-- The phone of a reserved seat rings.
local seat = load_seat(A.seat)
if not seat or seat.owner ~= A.owner or (seat.state ~= 'reserved' and seat.state ~= 'ringing') then
  return finish(false, 'owner')
end
if seat.state == 'reserved' then
  seat.state, seat.state_since = 'ringing', NOW
end
seat.expires = NOW + A.ttl
commit(seat, NOW, nil)
return finish(true)
