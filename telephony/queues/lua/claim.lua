-- Hold a named seat.
local seat = load_seat(A.seat)
if not seat or (A.centre ~= '' and seat.centre ~= A.centre and redis.call('SISMEMBER', helpers_key(A.centre), A.seat) == 0) then
  return finish(false, 'off')
end
local w = load_waiting(A.owner)
local other = w and live_offer(w, owned_at(w.centre)) or ''
if other ~= '' and other ~= A.seat then
  return finish(false, 'offered')
end
if seat.state ~= 'idle' then
  local mine = seat.owner == A.owner and seat.state ~= 'talking'
  return finish(mine, not mine and 'busy' or '')
end
if not seat.registered or (seat.status == 'off' and not A.force) then
  return finish(false, 'off')
end
if not A.force and seat.status ~= 'available' then
  return finish(false, 'paused')
end
if not A.force and skipped(seat) then
  return finish(false, 'unreachable')
end
hold(seat, 'reserved', NOW, A.owner, A.call, A.node, NOW + A.ttl)
commit(seat, NOW, nil)
if w then
  w.offer = A.seat
  save_waiting(w)
end
return finish(true)
