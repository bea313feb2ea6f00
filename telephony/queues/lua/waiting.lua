-- Those who wait at a centre (or at the centre of one attempt), in order, with the seat that is held for each.
local centre = A.centre
if A.attempt ~= '' then
  centre = redis.call('HGET', ATTEMPT_CENTRE, A.attempt)
end
if not centre then
  return '[]'
end
local owned, found, texts = owned_at(centre), {}, {}
for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
  found[#found + 1] = read(text, WAITING)
end
table.sort(found, before)
for i, w in ipairs(found) do
  w.offer = live_offer(w, owned)
  texts[i] = write(w, WAITING)
end
return list(texts)
