-- A seat's phone registered, or its contact changed. Runs after define.lua.
local span
local was = seat.status
if not seat.registered then
  seat.registered = true
  seat.idle_since = math.max(seat.idle_since, NOW)
  moved = true
end
if seat.unreachable_at > 0 then
  seat.unreachable_at = 0
  moved = true
end
local kept, reason, till, at = seat.kept_status, seat.kept_reason, seat.kept_until, seat.kept_at
forget_kept(seat)
if seat.status == 'off' then
  if kept ~= '' and NOW < at + RULES.remember then
    if kept == 'wrap-up' and till > 0 and till <= NOW then
      kept, reason = 'available', ''
    end
    span = set_status(seat, kept, reason, NOW, till)
  elseif A.available then
    span = set_status(seat, 'available', '', NOW)
  end
end
if moved or seat.status ~= was or kept ~= '' then
  commit(seat, NOW, span)
  touch_all(seat)
end
return finish(true)
