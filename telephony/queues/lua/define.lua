-- Make a seat known, or take over changed groups, priority or centre. Another script follows and stores it if moved.
local seat = load_seat(A.seat)
if seat and seat.centre ~= A.centre then
  redis.call('HDEL', seats_key(seat.centre), seat.id)
  touch(seat.centre)
end
local moved = seat and (seat.centre ~= A.centre or seat.groups ~= A.groups or seat.priority ~= A.priority)
if not seat then
  seat = {
    id = A.seat, registered = false, status = 'off', reason = '', status_since = NOW, wrap_until = 0,
    state = 'idle', state_since = NOW, owner = '', call = '', node = '', expires = 0, idle_since = NOW,
    unreachable_at = 0, kept_status = '', kept_reason = '', kept_until = 0, kept_at = 0,
  }
  moved = true
end
seat.centre, seat.groups, seat.priority = A.centre, A.groups, A.priority
if moved then
  redis.call('SADD', CENTRES, A.centre)
  redis.call('HSET', SEAT_CENTRE, A.seat, A.centre)
end
