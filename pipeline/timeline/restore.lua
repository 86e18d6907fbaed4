-- Put a copy of a stream where the stream was, in one step.
--
-- KEYS: labels, meta, then every other key that is there or will be. ARGV: how many labels the caller knows, 1 to replace a
-- stream that is there, then commands (msgpack lists of lists).
-- Returns nil when the stream has learned labels meanwhile, 0 when it is there and shall not be replaced, else 1.

if redis.call('SCARD', KEYS[1]) ~= tonumber(ARGV[1]) then return nil end
if ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end

-- The first write decides whether a full server refuses the script, so it must be one that takes memory.
redis.call('HSET', KEYS[2], 'state', 'starting')
for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end
for i = 3, #ARGV do
  for _, command in ipairs(cmsgpack.unpack(ARGV[i])) do redis.call(unpack(command)) end
end
return 1
