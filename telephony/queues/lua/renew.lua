-- A node says which calls and attempts of its own are alive. Answers with the seats it holds and the attempts the board has lost.
local calls, known, held, missing = {}, {}, {}, {}
for _, call in ipairs(A.calls) do calls[call] = true end
for _, attempt in ipairs(A.waiting) do known[attempt] = true end
local till = NOW + RULES.lease
for _, centre in ipairs(redis.call('SMEMBERS', CENTRES)) do
  for _, text in ipairs(redis.call('HVALS', seats_key(centre))) do
    local seat = read(text, SEAT)
    local mine = seat.node == A.node
    -- After an outage everybody gets the time of a lease to come back.
    if seat.state == 'talking' and ((mine and calls[seat.call]) or (not LEASES and seat.expires < till)) then
      seat.expires = till
      save_seat(seat)
    end
    if mine and seat.state ~= 'idle' then
      held[#held + 1] = cjson.encode({seat = seat.id, owner = seat.owner, call = seat.call, state = seat.state})
    end
  end
  for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
    local w = read(text, WAITING)
    local mine = known[w.id] or (w.node == A.node and calls[w.call])
    if mine or (not LEASES and w.lease < till) then
      w.lease = till
      save_waiting(w)
    end
    known[w.id] = nil
  end
end
for attempt in pairs(known) do missing[#missing + 1] = cjson.encode(attempt) end
table.sort(missing)
table.sort(held)
redis.call('SET', PREFIX .. 'beat', number(NOW))
return '{"held":' .. list(held) .. ',"missing":' .. list(missing) .. '}'
