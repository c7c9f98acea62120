-- ARGV: user_id, status.
local found = {}
for i, id in ipairs(redis.call('SINTER', 'user_session:user_id:' .. ARGV[1], 'user_session:status:' .. ARGV[2])) do
    found[i] = redis.call('HGETALL', 'user_session:' .. id)
end
return found
