-- Note the host a stream shall run on, unless one is noted already or the wish has changed meanwhile.
--
-- KEYS: assigned, wish. ARGV: host, generation. Returns 1, or 0 if nothing was written.

if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'host', ARGV[1], 'generation', ARGV[2], 'at', time[1] .. string.format('.%06d', time[2]))
return 1
