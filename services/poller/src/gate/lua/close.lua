-- Tells that a probe succeeded, unless the breaker is open again since.
-- KEYS[1]: the account.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
if tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0') <= now then
  redis.call('HDEL', KEYS[1], 'open_until', 'trips', 'prober', 'probe_until')
end
return 1
