-- Takes back leave, and the right to a probe.
-- KEYS[1]: the account. ARGV: unused leave, rate per second (0: none), burst, who gives back, whether the probe too (0 or 1).
local unused, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[5] == '1' and redis.call('HGET', KEYS[1], 'prober') == ARGV[4] then
  redis.call('HDEL', KEYS[1], 'prober', 'probe_until')
end
local known = redis.call('HMGET', KEYS[1], 'level', 'at')
-- What nobody has kept is full.
if rate > 0 and known[1] then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local gained = math.max(now - tonumber(known[2]), 0) * rate / 1000000
  local level = math.min(burst, tonumber(known[1]) + gained + unused)
  redis.call('HSET', KEYS[1], 'level', string.format('%.9f', level), 'at', string.format('%d', now))
end
return 1
