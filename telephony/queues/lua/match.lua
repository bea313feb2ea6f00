-- Walk the waiting of a centre in order and hold the best free seat for each. With A.dry nothing is changed and only the time
-- of the next change is of interest. With A.node only that node's attempts get seats; those of other nodes get theirs in
-- thought, so that nobody overtakes them.
local centre = A.centre
local soonest = math.huge
local function wake(at)
  if at > NOW and at < soonest then soonest = at end
end

local seats, groups_of, home_of, owned, taken = {}, {}, {}, {}, {}
for _, text in ipairs(seats_at(centre)) do
  local seat = read(text, SEAT)
  if settle(seat, not A.dry) and not A.dry then touch_all(seat) end
  seats[#seats + 1] = seat
  local joined, home = serves(seat, centre)
  home_of[seat.id] = home
  local groups = {}
  for group in string.gmatch(joined, '[^,]+') do groups[group] = true end
  groups_of[seat.id] = groups
  if seat.owner ~= '' then owned[seat.owner] = seat.id end
end
table.sort(seats, function(a, b)
  if a.priority ~= b.priority then return a.priority < b.priority end
  if a.idle_since ~= b.idle_since then return a.idle_since < b.idle_since end
  return a.id < b.id
end)

local waiting = {}
for _, text in ipairs(redis.call('HVALS', waiting_key(centre))) do
  local w = read(text, WAITING)
  if w.lease > NOW or not LEASES then
    waiting[#waiting + 1] = w
  elseif not A.dry then
    drop_waiting(w)
  end
end
table.sort(waiting, before)

-- The seats of a step, worked out once for all attempts that have the same one.
local pools = {}
local function pool_of(joined)
  local pool = pools[joined]
  if pool then return pool end
  pool = {signed = 0, present = 0, here = {}, plain = {}, marked = {}, plain_from = 1, marked_from = 1}
  local wanted = {}
  for group in string.gmatch(joined, '[^,]+') do wanted[#wanted + 1] = group end
  for _, seat in ipairs(seats) do
    local member = false
    for _, group in ipairs(wanted) do
      if groups_of[seat.id][group] then member = true break end
    end
    if member and seat.registered and seat.status ~= 'off' then
      pool.signed = pool.signed + 1
      if not skipped(seat) then
        pool.present = pool.present + 1
        pool.here[seat.id] = true
        if seat.status == 'available' and seat.state == 'idle' then
          local kind = seat.unreachable_at > 0 and pool.marked or pool.plain
          kind[#kind + 1] = seat
        end
      end
    end
  end
  pools[joined] = pool
  return pool
end

-- First seat of a pool's plain or marked ones that is not taken and (not) excluded. A seat tried before has to rest.
local function first(pool, kind, w, again)
  local some, from = pool[kind], kind .. '_from'
  while some[pool[from]] and taken[some[pool[from]].id] do pool[from] = pool[from] + 1 end
  for i = pool[from], #some do
    local seat = some[i]
    if not taken[seat.id] and has(w.exclude, seat.id) == again then
      if not again or seat.state_since + RULES.rest <= NOW then return seat end
      wake(seat.state_since + RULES.rest)
    end
  end
  return nil
end

-- The steps that are open to an attempt, how many are signed in and how many have not been tried yet.
local function prospects(w)
  local open, signed, untried, opens = {}, 0, 0, w.since
  for i, step in ipairs(w.steps) do
    if i > 1 and opens > NOW then
      wake(opens)
      break
    end
    local pool = pool_of(step.groups)
    local present = pool.present
    for id in string.gmatch(w.exclude, '[^,]+') do
      if pool.here[id] then present = present - 1 end
    end
    open[i] = pool
    signed, untried = signed + pool.signed, untried + present
    -- Nobody in this step can come: the next one opens at once.
    if present > 0 then opens = opens + step.wait end
  end
  return open, signed, untried
end

local function best(w, open)
  for _, again in ipairs(w.again and {false, true} or {false}) do
    for _, kind in ipairs({'plain', 'marked'}) do
      for i, pool in ipairs(open) do
        local seat = first(pool, kind, w, again)
        if seat then return seat, i end
      end
    end
  end
  return nil
end

local offers, hopeless, reserved = {}, {}, {}
for _, w in ipairs(waiting) do
  local held = live_offer(w, owned)
  if held == '' then
    local stale = w.offer ~= ''
    w.offer = ''
    local own = A.node == '' or A.node == w.node
    local open, signed, untried = prospects(w)
    local seat, step = best(w, open)
    local why = ''
    if seat then
      taken[seat.id] = true
      if own and not A.dry then
        hold(seat, 'reserved', NOW, w.id, w.call, w.node, NOW + A.ttl)
        if seat.centre == centre then
          reserved[#reserved + 1] = seat.id
          reserved[#reserved + 1] = report(seat, NOW, nil)
        else
          commit(seat, NOW, nil)
        end
        offers[#offers + 1] = cjson.encode({
          attempt = w.id, call = w.call, seat = seat.id, step = step - 1, node = w.node, expires = seat.expires,
          home = home_of[seat.id],
        })
      end
    elseif signed == 0 then
      why = 'no_seats'
    elseif untried == 0 and not w.again then
      why = 'tried'
    end
    if own and not A.dry then
      if why ~= '' and (w.told ~= why or NOW >= w.told_at + RULES.remind) then
        w.told, w.told_at, stale = why, NOW, true
        hopeless[#hopeless + 1] = cjson.encode({attempt = w.id, call = w.call, node = w.node, why = why})
      elseif why == '' and w.told ~= '' then
        w.told, stale = '', true
      end
      if stale then save_waiting(w) end
    end
    if w.told ~= '' then wake(w.told_at + RULES.remind) end
  end
end

-- Few big writes instead of many small ones; a Lua call takes some thousand arguments at most.
for i = 1, #reserved, 200 do
  redis.call('HSET', seats_key(centre), unpack(reserved, i, math.min(i + 199, #reserved)))
end

for _, seat in ipairs(seats) do
  if seat.expires > 0 then wake(seat.expires) end
  if seat.status == 'wrap-up' and seat.wrap_until > 0 then wake(seat.wrap_until) end
  if seat.unreachable_at > 0 then wake(seat.unreachable_at + RULES.skip) end
end
local done = finish(true)
return '{"offers":' .. list(offers) .. ',"hopeless":' .. list(hopeless) .. ',"wakeup":'
  .. (soonest < math.huge and number(soonest) or '0') .. ',"done":' .. done .. '}'
