-- Put an attempt among the waiting, or change one that is there: its place in time and a live offer stay.
local w = A.waiting
local old = load_waiting(w.id)
w.offer = old and old.offer or ''
if old and old.centre ~= w.centre then
  w.offer = live_offer(old, owned_at(old.centre))
  drop_waiting(old)
  touch(old.centre)
end
if A.head then
  for _, text in ipairs(redis.call('HVALS', waiting_key(w.centre))) do
    local other = read(text, WAITING)
    if other.id ~= w.id then
      w.rank = math.min(w.rank, other.rank - 1)
    end
  end
end
w.seq = old and old.seq or redis.call('INCR', PREFIX .. 'seq')
w.lease = NOW + RULES.lease
w.told, w.told_at = '', 0
redis.call('SADD', CENTRES, w.centre)
redis.call('HSET', ATTEMPT_CENTRE, w.id, w.centre)
save_waiting(w)
touch(w.centre)
return finish(true)
