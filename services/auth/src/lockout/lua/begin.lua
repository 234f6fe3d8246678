-- Begins a try at an account; returns whether the account is known here (1 or 0), and the milliseconds that one still has to wait.
-- KEYS: what tells whether it is known here, the door of those here, that of the account, that of the address.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 1, count({ KEYS[2] }) }
end
return { 0, count({ KEYS[3], KEYS[4] }) }
