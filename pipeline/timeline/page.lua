-- The next part of a stream in the order of starts, as of one moment.
--
-- KEYS: meta, labels, open, segments, archive, gaps, then one index by start for each label asked for.
-- ARGV: how many labels the caller knows, nearest and farthest start of the range, 1 for newest first, about how many
--       values, first second of the range, the same again where what reaches over it is asked for (else empty),
--       least score (else empty), 1 where gaps are asked for.
-- Returns nil when the stream has learned labels meanwhile, else {archived files that may reach into the range,
-- pending gap, open segments, closed segments, gaps, the start where these values break off (empty: they do not)}.

local known, nearest, farthest, newest, most, since, over, least, gaps = unpack(ARGV)
if redis.call('SCARD', KEYS[2]) ~= tonumber(known) then return nil end

local range, sign = 'ZRANGEBYSCORE', 1
if newest == '1' then range, sign = 'ZREVRANGEBYSCORE', -1 end
local first = gaps == '1' and 6 or 7
local each = math.max(2, math.ceil(tonumber(most) / math.max(1, #KEYS - first + 1)))

-- Of every index a part is read; `last` is the start of its last value, or nil when it is read to its end.
local function read_on(part)
  local read = redis.call(range, part.key, nearest, farthest, 'WITHSCORES', 'LIMIT', #part.values, each)
  for i = 1, #read, 2 do
    part.values[#part.values + 1] = read[i]
    part.places[#part.places + 1] = sign * read[i + 1]
  end
  part.last = #read == 2 * each and read[#read] or nil
end

local parts = {}
for i = first, #KEYS do
  parts[#parts + 1] = {key = KEYS[i], values = {}, places = {}, count = 0}
  read_on(parts[#parts])
end

-- What lies before the last value of every part is all there is up to there. Read on where that breaks off first.
local edge
repeat
  if edge then read_on(edge) end
  edge = nil
  for _, part in ipairs(parts) do
    if part.last and (not edge or sign * part.last < sign * edge.last) then edge = part end
  end
  local count = 0
  for _, part in ipairs(parts) do
    while part.places[part.count + 1] and (not edge or part.places[part.count + 1] < sign * edge.last) do
      part.count = part.count + 1
    end
    count = count + part.count
  end
until not edge or count >= tonumber(most)

-- Members never overlap each other, so only the last one that starts before can reach over it.
local reaching = over ~= '' and not (edge and newest == '1')
local ids, lost = {}, {}
for _, part in ipairs(parts) do
  local list = part.key == KEYS[6] and lost or ids
  for i = 1, part.count do list[#list + 1] = part.values[i] end
  if reaching then
    list[#list + 1] = redis.call('ZREVRANGEBYSCORE', part.key, '(' .. over, '-inf', 'LIMIT', 0, 1)[1]
  end
end

local closed = {}
for i = 1, #ids, 1000 do -- unpack has a limit
  for _, packed in ipairs(redis.call('HMGET', KEYS[4], unpack(ids, i, math.min(i + 999, #ids)))) do
    -- Packed values are lists: a version, then the fields; see codec.py.
    if least == '' or cmsgpack.unpack(packed)[7] >= tonumber(least) then closed[#closed + 1] = packed end
  end
end

local pending, open = redis.call('HGET', KEYS[1], 'pending'), redis.call('HVALS', KEYS[3])
local files = redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. since, '+inf')
return {files, pending, open, closed, lost, edge and edge.last or ''}
