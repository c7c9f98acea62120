-- KEYS: the hash. ARGV: id.
local old = redis.call('HMGET', KEYS[1], 'user_id', 'status')
if not old[1] then return 0 end
redis.call('SREM', 'user_session:user_id:' .. old[1], ARGV[1])
redis.call('SREM', 'user_session:status:' .. old[2], ARGV[1])
redis.call('ZREM', 'user_session:created_at', ARGV[1])
return redis.call('DEL', KEYS[1])
