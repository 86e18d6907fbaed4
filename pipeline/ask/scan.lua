-- A part of a stream's closed segments.
--
-- KEYS: segments. ARGV: cursor, about how many. Returns {next cursor, packed segments one behind the other}.

local cursor, found = unpack(redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2]))
local packed = {}
for i = 2, #found, 2 do packed[#packed + 1] = found[i] end
return {cursor, table.concat(packed)}
