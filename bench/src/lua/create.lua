-- KEYS: the hash. ARGV: id, then names and values: user_id, session_id, status, score, created_at, updated_at.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('SADD', 'user_session:user_id:' .. ARGV[3], ARGV[1])
redis.call('SADD', 'user_session:status:' .. ARGV[7], ARGV[1])
redis.call('ZADD', 'user_session:created_at', ARGV[11], ARGV[1])
return ARGV[1]
