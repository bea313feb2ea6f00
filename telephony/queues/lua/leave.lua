-- An attempt no longer waits: answered, given up, or gone elsewhere.
local w = load_waiting(A.attempt)
if not w then
  return finish(false, 'unknown')
end
drop_waiting(w)
touch(w.centre)
return finish(true)
