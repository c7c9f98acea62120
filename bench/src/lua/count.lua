-- ARGV: first and last moment, status.
local count, status = 0, 'user_session:status:' .. ARGV[3]
local ids = redis.call('ZRANGEBYSCORE', 'user_session:created_at', ARGV[1], ARGV[2])
for first = 1, #ids, 1000 do
    local last = math.min(first + 999, #ids)
    for _, is in ipairs(redis.call('SMISMEMBER', status, unpack(ids, first, last))) do count = count + is end
end
return count
