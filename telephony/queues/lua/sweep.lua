-- Heal everything that only time or an accident can have left behind.
for _, centre in ipairs(redis.call('SMEMBERS', CENTRES)) do
  for _, text in ipairs(redis.call('HVALS', seats_key(centre))) do
    local seat = read(text, SEAT)
    if settle(seat, true) then touch_all(seat) end
  end
  for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
    local w = read(text, WAITING)
    if LEASES and w.lease <= NOW then
      drop_waiting(w)
      touch(centre)
    elseif w.offer ~= '' and live_offer(w, {}) == '' then
      w.offer = ''
      save_waiting(w)
      touch(centre)
    end
  end
end
local index = redis.call('HGETALL', ATTEMPT_CENTRE)
for i = 1, #index, 2 do
  if redis.call('HEXISTS', waiting_key(index[i + 1]), index[i]) == 0 then
    redis.call('HDEL', ATTEMPT_CENTRE, index[i])
  end
end
return finish(true)
