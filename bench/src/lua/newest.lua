-- ARGV: first and last moment.
local found = {}
for i, id in ipairs(redis.call('ZREVRANGEBYSCORE', 'user_session:created_at', ARGV[2], ARGV[1], 'LIMIT', 0, 100)) do
    found[i] = redis.call('HGETALL', 'user_session:' .. id)
end
return found
