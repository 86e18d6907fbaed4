-- A gap is replaced by its filled and unfilled parts, together with what was seen in it.
--
-- KEYS: gaps, then the keys that the commands touch. ARGV: the packed gap, commands (msgpack list of lists).
-- Returns 1, or 0 when that gap is not there any more.

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
for _, command in ipairs(cmsgpack.unpack(ARGV[2])) do redis.call(unpack(command)) end
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
