-- Those who wait at a centre (or at the centre of one attempt), in order, with the seat that is held for each.
local centre = A.centre
if A.attempt ~= '' then
  centre = redis.call('HGET', ATTEMPT_CENTRE, A.attempt)
end
if not centre then
  return '[]'
end
local owned, found, texts = {}, {}, {}
for _, text in ipairs(redis.call('HVALS', seats_key(centre))) do
  local seat = cjson.decode(text)
  settle(seat, false)
  if seat.owner ~= '' then owned[seat.owner] = seat.id end
end
for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
  found[#found + 1] = cjson.decode(text)
end
table.sort(found, before)
for i, w in ipairs(found) do
  w.offer = live_offer(w, owned)
  texts[i] = cjson.encode(w)
end
return list(texts)
