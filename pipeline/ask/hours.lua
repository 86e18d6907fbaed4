-- A stream's aggregates, as of one moment.
--
-- KEYS: labels, milliseconds, counts. ARGV: first hour and how many hours, or nothing for all of them.
-- Returns msgpack of {milliseconds, counts}, each {hour:label, total, hour:label, total, …}, other hours too; nil where there
-- is no such stream.

local first, hours = tonumber(ARGV[1]), tonumber(ARGV[2])
local labels = redis.call('SMEMBERS', KEYS[1])
if #labels == 0 then return false end

-- To name what is wanted is worth it only where there is much more than that.
local function totals(key)
  if not hours or 4 * #labels * hours > redis.call('HLEN', key) then return redis.call('HGETALL', key) end
  local found = {}
  for _, label in ipairs(labels) do
    for from = first, first + hours - 1, 1000 do -- unpack has a limit
      local fields = {}
      for hour = from, math.min(from + 999, first + hours - 1) do fields[#fields + 1] = hour .. ':' .. label end
      for i, total in ipairs(redis.call('HMGET', key, unpack(fields))) do
        if total then
          found[#found + 1] = fields[i]
          found[#found + 1] = total
        end
      end
    end
  end
  return found
end

return cmsgpack.pack({totals(KEYS[2]), totals(KEYS[3])})
