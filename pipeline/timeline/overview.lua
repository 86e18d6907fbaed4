-- What is needed to sum up whole hours, as of one moment.
--
-- KEYS: meta, labels, open, gaps, archive, milliseconds. ARGV: since, until, first hour, how many hours.
-- Returns {{until, pending gap}, open segments, gaps, archived files that may reach into the range, milliseconds as
-- msgpack of {hour:label, total, hour:label, total, …}, those of other hours too}.

local since, till, first, hours = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- To name what is wanted is worth it only where there is much more than that.
local totals, labels = {}, redis.call('SMEMBERS', KEYS[2])
if 4 * #labels * hours > redis.call('HLEN', KEYS[6]) then
  totals = redis.call('HGETALL', KEYS[6])
else
  for _, label in ipairs(labels) do
    for from = first, first + hours - 1, 1000 do -- unpack has a limit
      local fields = {}
      for hour = from, math.min(from + 999, first + hours - 1) do fields[#fields + 1] = hour .. ':' .. label end
      for i, total in ipairs(redis.call('HMGET', KEYS[6], unpack(fields))) do
        if total then
          totals[#totals + 1] = fields[i]
          totals[#totals + 1] = total
        end
      end
    end
  end
end

-- Gaps never overlap each other, so only the last one that starts before `since` can reach into the range.
local gaps = redis.call('ZREVRANGEBYSCORE', KEYS[4], '(' .. since, '-inf', 'LIMIT', 0, 1)
for _, gap in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], since, '(' .. till)) do gaps[#gaps + 1] = gap end

local watched = redis.call('HMGET', KEYS[1], 'until', 'pending')
local files = redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. since, '+inf')
return {watched, redis.call('HVALS', KEYS[3]), gaps, files, cmsgpack.pack(totals)}
