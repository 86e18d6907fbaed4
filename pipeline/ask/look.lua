-- All a stream has, as of one moment; of its closed segments only those that were closed after an event the caller knows.
--
-- KEYS: meta, open, segments, gaps, events, archive. ARGV: the id of that event; empty: none.
-- Returns nil where there is no such stream, else {1 if the log still has that event, id of the last event or '', how many
-- closed segments there are, how many have been archived, closed segments, open ones, gaps, {file that counts, its end, …}};
-- packed values one behind the other.

local meta, open, segments, gaps, events, archive = unpack(KEYS)
if redis.call('EXISTS', meta) == 0 then return false end

local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
local last = newest and newest[1] or ''
local known, closed = ARGV[1] == last, {}
if not known and ARGV[1] ~= '' then
  local entries = redis.call('XRANGE', events, ARGV[1], '+')
  known = entries[1] ~= nil and entries[1][1] == ARGV[1]
  for i = known and 2 or #entries + 1, #entries do
    local fields = entries[i][2] -- kind, its name, data, packed
    if fields[2] == 'closed' then closed[#closed + 1] = fields[4] end
  end
end

local stored = redis.call('HMGET', meta, 'pending', 'archived')
return {
  known and 1 or 0,
  last,
  redis.call('HLEN', segments),
  tonumber(stored[2]) or 0,
  table.concat(closed),
  table.concat(redis.call('HVALS', open)),
  table.concat(redis.call('ZRANGE', gaps, 0, -1)) .. (stored[1] or ''),
  redis.call('ZRANGE', archive, 0, -1, 'WITHSCORES'),
}
