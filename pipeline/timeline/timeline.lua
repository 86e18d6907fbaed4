-- One consistent look at what overlaps [since, until).
--
-- KEYS: meta, labels, open, segments, gaps, archive, then one index by start for each label asked for.
-- ARGV: since, until, how many labels the caller knows.
-- Returns nil when the stream has learned labels meanwhile, else
-- {{model, from, until, pending gap}, open segments, closed segments, gaps, archived files that may reach into the range}.

local since, till, known = unpack(ARGV)
if redis.call('SCARD', KEYS[2]) ~= tonumber(known) then return nil end

-- Members never overlap each other, so only the last one that starts before `since` can reach into the range.
local function overlapping(key)
  local found = redis.call('ZREVRANGEBYSCORE', key, '(' .. since, '-inf', 'LIMIT', 0, 1)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, since, '(' .. till)) do found[#found + 1] = member end
  return found
end

local ids = {}
for i = 7, #KEYS do
  for _, id in ipairs(overlapping(KEYS[i])) do ids[#ids + 1] = id end
end

local closed = {}
for i = 1, #ids, 1000 do -- unpack has a limit
  local chunk = redis.call('HMGET', KEYS[4], unpack(ids, i, math.min(i + 999, #ids)))
  for _, segment in ipairs(chunk) do closed[#closed + 1] = segment end
end

local meta = redis.call('HMGET', KEYS[1], 'model', 'from', 'until', 'pending')
local files = redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. since, '+inf')
return {meta, redis.call('HVALS', KEYS[3]), closed, overlapping(KEYS[5]), files}
