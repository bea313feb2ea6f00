-- End of making a seat known without a phone. Runs after define.lua.
if moved then
  commit(seat, NOW, nil)
  touch_all(seat)
end
return finish(true)
