-- Tells that the breaker opened. While it is open already, for another process's reasons, that opening stands.
-- KEYS[1]: the account. ARGV: microseconds from now, trips.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
if tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0') <= now then
  redis.call('HSET', KEYS[1], 'open_until', string.format('%d', now + tonumber(ARGV[1])), 'trips', ARGV[2])
  redis.call('HDEL', KEYS[1], 'prober', 'probe_until')
  redis.call('PEXPIRE', KEYS[1], 7200000)
end
return 1
