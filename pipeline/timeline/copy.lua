-- All a stream has, as of one moment; its indexes are not read, for they can be made again.
--
-- KEYS: wish, segments, then the other keys to copy. Returns {wish or nil, packed segments, {kind, content}, …}.

local read = {
  none = function() return {} end,
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}

local found = {redis.call('HGET', KEYS[1], 'wish'), redis.call('HVALS', KEYS[2])}
for i = 3, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  found[i] = {kind, read[kind](KEYS[i])}
end
return found
