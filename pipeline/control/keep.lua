-- Renew the lease of a host on a stream, if its run still owns the stream.
--
-- KEYS: meta, hold. ARGV: owner token, lease, milliseconds. Returns 1, or 0 if somebody else has claimed the stream.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
