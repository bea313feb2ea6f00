-- Put before every script of the board: keys, reading and writing seats and waiting calls, and what time does to a seat.
-- The rules of a seat are those of telephony/machines/seat.py; tests hold the two against each other.
--
-- ARGV[1] prefix of all keys (with a hash tag: one slot), ARGV[2] arguments as JSON. Times are whole milliseconds,
-- 0 stands for none, '' for no text; lists of ids are joined by commas (cjson can't tell an empty list from an empty map).
-- Keys: seats:<centre> and waiting:<centre> are hashes of JSON by id; seat-centre and attempt-centre tell where an id is;
-- helpers:<centre> is the set of seats of others that help it; centres is the set of centres; beat is when a node last
-- renewed; seq numbers the arrivals; changes is the channel.

local PREFIX = ARGV[1] .. ':'
local A = cjson.decode(ARGV[2])
local NOW = A.now
local RULES = A.rules
local CENTRES, SEAT_CENTRE, ATTEMPT_CENTRE = PREFIX .. 'centres', PREFIX .. 'seat-centre', PREFIX .. 'attempt-centre'
local BEAT = tonumber(redis.call('GET', PREFIX .. 'beat') or '0')
-- Leases count only while nodes are able to renew them: not right after an outage of Redis itself.
local LEASES = NOW - BEAT <= RULES.gap

local changes, touched, touching = {}, {}, {}

-- What is not stored when it is so: half of a seat's text, and half of the time to read it.
local SEAT = {
  reason = '', wrap_until = 0, owner = '', call = '', node = '', expires = 0, unreachable_at = 0,
  kept_status = '', kept_reason = '', kept_until = 0, kept_at = 0, helps = '',
}
local WAITING = {offer = '', exclude = '', told = '', told_at = 0}
SEAT.__index, WAITING.__index = SEAT, WAITING

local function read(text, defaults)
  return setmetatable(cjson.decode(text), defaults)
end

local function write(record, defaults)
  for name, value in pairs(defaults) do
    if record[name] == value then record[name] = nil end
  end
  return cjson.encode(setmetatable(record, defaults))
end

local function list(texts)
  return '[' .. table.concat(texts, ',') .. ']'
end

local function number(n)
  return string.format('%.0f', n)
end

local function has(joined, id)
  return joined ~= '' and string.find(',' .. joined .. ',', ',' .. id .. ',', 1, true) ~= nil
end

local function seats_key(centre)
  return PREFIX .. 'seats:' .. centre
end

local function waiting_key(centre)
  return PREFIX .. 'waiting:' .. centre
end

local function helpers_key(centre)
  return PREFIX .. 'helpers:' .. centre
end

-- Which centres a seat helps: {centre, groups, home, exclusive} for each, kept as the text of such a list.
local function helps_of(seat)
  return seat.helps == '' and {} or cjson.decode(seat.helps)
end

-- The groups in which a seat serves a centre ('': in none, it helps another centre alone), and where a helper is.
local function serves(seat, centre)
  local away = false
  for _, help in ipairs(helps_of(seat)) do
    if help[1] == centre then return help[2], help[3] end
    away = away or help[4]
  end
  return away and '' or seat.groups, ''
end

-- A change that may let somebody be served: told to all nodes when the script is done.
local function touch(centre)
  if not touched[centre] then
    touched[centre] = true
    touching[#touching + 1] = centre
  end
end

-- The same at every centre that a seat serves, its own first.
local function touch_all(seat)
  touch(seat.centre)
  for _, help in ipairs(helps_of(seat)) do touch(help[1]) end
end

local function finish(ok, why)
  for _, centre in ipairs(touching) do
    redis.call('PUBLISH', PREFIX .. 'changes', centre)
  end
  return '{"ok":' .. tostring(ok) .. ',"why":"' .. (why or '') .. '","changes":' .. list(changes) .. '}'
end

local function save_seat(seat)
  redis.call('HSET', seats_key(seat.centre), seat.id, write(seat, SEAT))
end

-- Tell of a seat's change; span is the interval of a status that has ended, or nil. Returns the text to be stored.
local function report(seat, at, span)
  local text = write(seat, SEAT)
  local ended = span and cjson.encode(span) or 'null'
  changes[#changes + 1] = '{"at":' .. number(at) .. ',"seat":' .. text .. ',"span":' .. ended .. '}'
  return text
end

local function commit(seat, at, span)
  redis.call('HSET', seats_key(seat.centre), seat.id, report(seat, at, span))
end

local function set_status(seat, status, reason, at, wrap_until)
  seat.wrap_until = status == 'wrap-up' and wrap_until or 0
  if seat.status == status and seat.reason == reason then
    return nil
  end
  local span = {
    seat = seat.id, centre = seat.centre, status = seat.status, reason = seat.reason,
    since = seat.status_since, till = at,
  }
  seat.status, seat.reason, seat.status_since = status, reason, at
  if status == 'available' then
    seat.idle_since = math.max(seat.idle_since, at)
  end
  return span
end

local function forget_kept(seat)
  seat.kept_status, seat.kept_reason, seat.kept_until, seat.kept_at = '', '', 0, 0
end

local function hold(seat, state, since, owner, call, node, expires)
  seat.state, seat.state_since, seat.owner = state, since, owner
  seat.call, seat.node, seat.expires = call, node, expires
end

local function set_free(seat, at)
  if seat.state == 'ringing' or seat.state == 'talking' then
    seat.idle_since = math.max(seat.idle_since, at)
  end
  hold(seat, 'idle', at, '', '', '', 0)
end

-- Let time do its work on a seat. True if it changed; keep false stores and tells nothing.
local function settle(seat, keep)
  local changed = false
  if seat.status == 'wrap-up' and seat.wrap_until > 0 and seat.wrap_until <= NOW then
    local at = seat.wrap_until
    local span = set_status(seat, 'available', '', at)
    changed = true
    if keep then commit(seat, at, span) end
  end
  if seat.expires > 0 and seat.expires <= NOW and (seat.state ~= 'talking' or LEASES) then
    local at = seat.expires
    set_free(seat, at)
    changed = true
    if keep then commit(seat, at, nil) end
  end
  return changed
end

-- A settled seat, or nil for one that the board does not know.
local function load_seat(id)
  local centre = redis.call('HGET', SEAT_CENTRE, id)
  local text = centre and redis.call('HGET', seats_key(centre), id)
  if not text then
    return nil
  end
  local seat = read(text, SEAT)
  if settle(seat, true) then touch_all(seat) end
  return seat
end

-- Texts of a centre's own seats, and of those that help it.
local function seats_at(centre)
  local texts = redis.call('HVALS', seats_key(centre))
  for _, id in ipairs(redis.call('SMEMBERS', helpers_key(centre))) do
    local own = redis.call('HGET', SEAT_CENTRE, id)
    local text = own and redis.call('HGET', seats_key(own), id)
    if text then texts[#texts + 1] = text end
  end
  return texts
end

local function skipped(seat)
  return seat.unreachable_at > 0 and NOW < seat.unreachable_at + RULES.skip
end

local function load_waiting(attempt)
  local centre = redis.call('HGET', ATTEMPT_CENTRE, attempt)
  local text = centre and redis.call('HGET', waiting_key(centre), attempt)
  return text and read(text, WAITING) or nil
end

local function save_waiting(w)
  redis.call('HSET', waiting_key(w.centre), w.id, write(w, WAITING))
end

local function drop_waiting(w)
  redis.call('HDEL', waiting_key(w.centre), w.id)
  redis.call('HDEL', ATTEMPT_CENTRE, w.id)
end

local function before(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  if a.since ~= b.since then return a.since < b.since end
  return a.seq < b.seq
end

-- Owner to seat, of those that serve a centre and are held now.
local function owned_at(centre)
  local owned = {}
  for _, text in ipairs(seats_at(centre)) do
    local seat = read(text, SEAT)
    settle(seat, false)
    if seat.owner ~= '' then owned[seat.owner] = seat.id end
  end
  return owned
end

-- The seat that is held for a waiting attempt now, or ''. owned: what owned_at said of its centre; w.offer names a seat that
-- may be of another centre (it was claimed, moved, or helps no more).
local function live_offer(w, owned)
  if owned[w.id] then
    return owned[w.id]
  end
  if w.offer ~= '' then
    local centre = redis.call('HGET', SEAT_CENTRE, w.offer)
    local text = centre and redis.call('HGET', seats_key(centre), w.offer)
    if text then
      local seat = read(text, SEAT)
      settle(seat, false)
      if seat.owner == w.id then return w.offer end
    end
  end
  return ''
end

-- The seat did not answer (or was taken from) the attempt that held it: the attempt looks elsewhere first.
local function tried(seat_id, attempt)
  local w = load_waiting(attempt)
  if w and not has(w.exclude, seat_id) then
    w.exclude = w.exclude == '' and seat_id or w.exclude .. ',' .. seat_id
    w.offer = ''
    save_waiting(w)
  end
end

-- The attempt for which a seat is held knows it, also when the seat does not serve its centre any more.
local function remember_offer(seat)
  local w = seat.owner ~= '' and load_waiting(seat.owner)
  if w then
    w.offer = seat.id
    save_waiting(w)
  end
end

-- A seat helps a centre otherwise (help), or no more (nil). True if that is a change; the caller stores it.
local function set_help(seat, centre, help)
  local helps, found = {}, false
  for _, old in ipairs(helps_of(seat)) do
    if old[1] ~= centre then
      helps[#helps + 1] = old
    elseif help then
      helps[#helps + 1] = help
      found = true
    end
  end
  if help and not found then helps[#helps + 1] = help end
  local before = seat.helps
  seat.helps = #helps > 0 and cjson.encode(helps) or ''
  redis.call(help and 'SADD' or 'SREM', helpers_key(centre), seat.id)
  return seat.helps ~= before
end
