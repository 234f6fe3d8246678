-- Knows the account here from now on, and opens its doors. KEYS[1]: what tells that it is known, for ARGV[1] seconds; then the doors.
redis.call('SET', KEYS[1], 1, 'EX', ARGV[1])
redis.call('DEL', unpack(KEYS, 2))
return 1
