-- Write down how far the event logs were read, and what that gives to deliver; both or, where another process leads, nothing.
--
-- KEYS: leader, places, counts, and the waiting keys that the letters name.
-- ARGV: token, how many may wait for a target, msgpack of [[stream, place, …], [[waiting key, target, letter], …]].
-- Returns false where another one leads, else [target, how many were dropped, …].

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local places, letters = unpack(cmsgpack.unpack(ARGV[3]))
for at = 1, #places, 2 do redis.call('HSET', KEYS[2], places[at], places[at + 1]) end
local dropped = {}
for _, one in ipairs(letters) do
  local key, target, letter = unpack(one)
  redis.call('XADD', key, '*', 'letter', letter)
  local over = redis.call('XTRIM', key, 'MAXLEN', ARGV[2])
  if over > 0 then
    redis.call('HINCRBY', KEYS[3], 'dropped:' .. target, over)
    dropped[#dropped + 1] = target
    dropped[#dropped + 1] = over
  end
end
return dropped
