-- Decides about a request, by the rule of quota.rs. Times are in microseconds.
-- KEYS[1]: whose requests of which class; holds when their debt will be paid off. ARGV: interval, window, debt that the asker knows of.
-- Returns: whether it is allowed (0 or 1), debt afterwards.
local interval, window, known = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local paid_off = tonumber(redis.call('GET', KEYS[1]) or '0')
local debt = math.min(math.max(paid_off - now, known, 0), window)
if debt + interval > window then
  return { 0, debt }
end
debt = debt + interval
redis.call('SET', KEYS[1], string.format('%d', now + debt), 'PX', math.ceil(debt / 1000))
return { 1, debt }
