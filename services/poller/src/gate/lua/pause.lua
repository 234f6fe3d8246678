-- Tells of a pause; it only ever moves later.
-- KEYS[1]: the account. ARGV: microseconds from now, strikes.
local time = redis.call('TIME')
local until_then = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
if until_then > tonumber(redis.call('HGET', KEYS[1], 'paused_until') or '0') then
  redis.call('HSET', KEYS[1], 'paused_until', string.format('%d', until_then), 'strikes', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 7200000)
end
return 1
