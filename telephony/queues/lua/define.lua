-- Make a seat known, or take over changed groups, priority or centre. Another script follows and stores it if moved.
local seat = load_seat(A.seat)
if seat and seat.centre ~= A.centre then
  redis.call('HDEL', seats_key(seat.centre), seat.id)
  touch(seat.centre)
  remember_offer(seat)
  set_help(seat, A.centre, nil)
end
local moved = seat and (seat.centre ~= A.centre or seat.groups ~= A.groups or seat.priority ~= A.priority)
if not seat then
  seat = setmetatable({
    id = A.seat, registered = false, status = 'off', status_since = NOW, state = 'idle', state_since = NOW, idle_since = NOW,
  }, SEAT)
  moved = true
end
seat.centre, seat.groups, seat.priority = A.centre, A.groups, A.priority
if moved then
  redis.call('SADD', CENTRES, A.centre)
  redis.call('HSET', SEAT_CENTRE, A.seat, A.centre)
end
