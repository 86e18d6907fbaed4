-- The one step of a move: what an archived file holds leaves Redis, and the file counts from now on.
--
-- KEYS: meta, open, segments, gaps, archive, then one index by start for each label that is moved.
-- ARGV: mark, URL of the archive, what is moved (msgpack):
--       {segments: {id, packed, number of its index}, gaps: packed, files: {second of its end, path}}.
-- Returns {'ok'}; {'changed'} when not all of it is there as it was read; {'open', start} when something that may still
-- change starts below the mark.

local meta, open, segments, gaps, archive = unpack(KEYS)
local mark = tonumber(ARGV[1])
local moved, lost, files = unpack(cmsgpack.unpack(ARGV[3]))

for _, one in ipairs(moved) do
  if redis.call('HGET', segments, one[1]) ~= one[2] then return {'changed'} end
end
for _, gap in ipairs(lost) do
  if not redis.call('ZSCORE', gaps, gap) then return {'changed'} end
end

-- Packed values are lists: a version, then the fields; see codec.py.
for _, packed in ipairs(redis.call('HVALS', open)) do
  local start = cmsgpack.unpack(packed)[5]
  if start < mark then return {'open', tostring(start)} end
end
local stored = redis.call('HMGET', meta, 'until', 'pending', 'archived_until')
if not stored[1] or tonumber(stored[1]) < mark then return {'open', stored[1] or 'nothing'} end
if stored[2] and stored[2] ~= '' then
  local start = cmsgpack.unpack(stored[2])[2]
  if start < mark then return {'open', tostring(start)} end
end

-- What frees memory comes first: a full server refuses a script only before its first write, and this one helps it.
for _, one in ipairs(moved) do
  redis.call('HDEL', segments, one[1])
  redis.call('ZREM', KEYS[5 + one[3]], one[1])
end
for _, gap in ipairs(lost) do redis.call('ZREM', gaps, gap) end
for _, file in ipairs(files) do redis.call('ZADD', archive, file[1], file[2]) end
if not stored[3] or tonumber(stored[3]) < mark then redis.call('HSET', meta, 'archived_until', ARGV[1]) end
redis.call('HSET', meta, 'archive', ARGV[2])
redis.call('HINCRBY', meta, 'archived', #moved)
return {'ok'}
