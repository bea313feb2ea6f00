-- Adds events to the stream, each once. KEYS: the stream, then one key per event that remembers it.
-- ARGV: seconds to remember, number of fields, names of the fields, then the values of one event after the other.
-- Returns how many were added; the others were there already.
local keep, fields = ARGV[1], tonumber(ARGV[2])
local added = 0
for event = 1, #KEYS - 1 do
  if redis.call('SET', KEYS[event + 1], '1', 'NX', 'EX', keep) then
    local entry = {}
    for field = 1, fields do
      entry[#entry + 1] = ARGV[2 + field]
      entry[#entry + 1] = ARGV[2 + fields * event + field]
    end
    redis.call('XADD', KEYS[1], '*', unpack(entry))
    added = added + 1
  end
end
return added
