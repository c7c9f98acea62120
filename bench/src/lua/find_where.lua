-- ARGV: user_id.
local ids = redis.call('SRANDMEMBER', 'user_session:user_id:' .. ARGV[1], 1)
if #ids == 0 then return false end
return redis.call('HGETALL', 'user_session:' .. ids[1])
