-- Counts one failure less. KEYS[1]: the door, which opens no earlier for it.
if tonumber(redis.call('HGET', KEYS[1], 'failures') or '0') > 0 then
  redis.call('HINCRBY', KEYS[1], 'failures', -1)
end
return 1
