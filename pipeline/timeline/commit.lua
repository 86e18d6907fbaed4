-- Every write of a stream's owner, in one atomic step.
--
-- KEYS[1] is the stream's meta hash, the rest are the keys the commands touch (all in one slot).
-- ARGV: owner token, wall seconds, commands (msgpack list of lists), and for a commit also
--       digest of the commands, epoch, first step.
-- Returns {'ok'}, {'repeated'}, {'owner'} or {'step', stored epoch, stored step}.

local meta = KEYS[1]
local owner, wall, commands, digest, epoch, first = unpack(ARGV)
local stored = redis.call('HMGET', meta, 'owner', 'digest', 'epoch', 'step')

if stored[1] ~= owner then return {'owner'} end

if digest then
  if stored[2] == digest then return {'repeated'} end
  local same = tonumber(epoch) == tonumber(stored[3]) and tonumber(first) == tonumber(stored[4]) + 1
  local next = tonumber(epoch) == tonumber(stored[3]) + 1 and tonumber(first) == 0
  if not (same or next) then return {'step', stored[3], stored[4]} end
end

-- The first write decides whether a full server refuses the script, so it must be one that takes memory.
redis.call('HSET', meta, 'updated', wall)
for _, command in ipairs(cmsgpack.unpack(commands)) do redis.call(unpack(command)) end
if digest then redis.call('HSET', meta, 'digest', digest) end
return {'ok'}
