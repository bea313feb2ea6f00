-- A seat helps a centre no more. A seat that is held for a call of that centre stays so.
local seat = load_seat(A.seat)
if not seat then
  return finish(false, 'unknown')
end
if set_help(seat, A.centre, nil) then
  remember_offer(seat)
  commit(seat, NOW, nil)
  touch_all(seat)
  touch(A.centre)
end
return finish(true)
