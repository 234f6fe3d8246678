-- Asks for leave: pause, breaker and budget in one round trip. Times are in microseconds.
-- KEYS[1]: the account. ARGV: wanted, rate per second (0: none), burst, owed, whether the budget begins empty (0 or 1), who asks,
-- whether only to hold on to the probe (0 or 1), length of the right to a probe.
-- Returns: granted, wait for the budget, rest of the pause, strikes, phase (0 closed, 1 half-open, 2 open), rest of the opening, trips,
-- whether a probe was granted (0 or 1).
local wanted, rate, burst, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local empty, who, probing, right = ARGV[5] == '1', ARGV[6], ARGV[7] == '1', tonumber(ARGV[8])
-- Longer than the longest pause.
local KEEP = 7200000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local known = redis.call('HMGET', KEYS[1], 'level', 'at', 'paused_until', 'strikes', 'open_until', 'trips', 'prober', 'probe_until')
local function number(index)
  return tonumber(known[index] or '0')
end

local pause = math.max(number(3) - now, 0)
local phase, opening, trips = 0, 0, number(6)
if trips > 0 then
  opening = math.max(number(5) - now, 0)
  phase = opening > 0 and 2 or 1
end
local ours = known[7] == who
local may_probe = phase == 1 and not probing and (ours or number(8) <= now)
if phase == 1 then
  wanted = 1
end

local level = burst
if known[1] then
  level = math.min(burst, number(1) + math.max(now - number(2), 0) * rate / 1000000)
end
if empty then
  level = math.min(level, 0)
end
level = level - owed

local granted, wait = 0, 0
if pause == 0 and (phase == 0 or may_probe) then
  if rate == 0 then
    granted = wanted
  elseif level + 1e-9 >= 1 then
    granted = math.min(wanted, math.floor(level + 1e-9))
    level = level - granted
  else
    wait = math.ceil((1 - level) * 1000000 / rate)
  end
end

if rate > 0 and (granted > 0 or owed > 0 or empty) then
  redis.call('HSET', KEYS[1], 'level', string.format('%.9f', level), 'at', string.format('%d', now))
  redis.call('PEXPIRE', KEYS[1], KEEP)
end
local probe = may_probe and granted > 0
if probe or (probing and ours and phase == 1) then
  redis.call('HSET', KEYS[1], 'prober', who, 'probe_until', string.format('%d', now + right))
end
return { granted, wait, pause, number(4), phase, opening, trips, probe and 1 or 0 }
