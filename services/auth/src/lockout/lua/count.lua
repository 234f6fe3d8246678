-- What the scripts beside this begin with.
-- Looks whether all doors are open, and if so, counts a failure at the first; returns the milliseconds that one still has to wait.
-- ARGV[1]: milliseconds after which failures are forgotten. ARGV[2], ARGV[3], …: what one failure costs, two, …
local function count(doors)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local wait = 0
  for _, door in ipairs(doors) do
    wait = math.max(wait, tonumber(redis.call('HGET', door, 'open_at') or '0') - now)
  end
  if wait > 0 then
    return wait
  end
  local failures = redis.call('HINCRBY', doors[1], 'failures', 1)
  local cost = tonumber(ARGV[1 + math.min(failures, #ARGV - 1)])
  redis.call('HSET', doors[1], 'open_at', string.format('%d', now + cost))
  redis.call('PEXPIRE', doors[1], string.format('%d', cost + tonumber(ARGV[1])))
  return 0
end
