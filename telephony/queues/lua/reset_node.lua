-- A node has started anew: whatever its calls held is free, whoever waited there is gone.
for _, centre in ipairs(redis.call('SMEMBERS', CENTRES)) do
  for _, text in ipairs(redis.call('HVALS', seats_key(centre))) do
    local seat = read(text, SEAT)
    if settle(seat, true) then touch_all(seat) end
    if seat.state ~= 'idle' and seat.node == A.node then
      set_free(seat, NOW)
      commit(seat, NOW, nil)
      touch_all(seat)
    end
  end
  for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
    local w = read(text, WAITING)
    if w.node == A.node then
      drop_waiting(w)
      touch(centre)
    end
  end
end
return finish(true)
