-- KEYS: the hash. ARGV: id, field (user_id or status), value.
local old = redis.call('HGET', KEYS[1], ARGV[2])
if not old then return 0 end
redis.call('SREM', 'user_session:' .. ARGV[2] .. ':' .. old, ARGV[1])
redis.call('SADD', 'user_session:' .. ARGV[2] .. ':' .. ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
