-- Move what could not be delivered to the dead, where it still waits.
--
-- KEYS: waiting, dead, counts. ARGV: target, how many dead are kept, why, entries…

for at = 4, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])
  if #found > 0 then
    redis.call('XADD', KEYS[2], '*', 'reason', ARGV[3], unpack(found[1][2]))
    local over = redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[2])
    redis.call('XDEL', KEYS[1], ARGV[at])
    redis.call('HINCRBY', KEYS[3], 'dead:' .. ARGV[1], 1)
    if over > 0 then redis.call('HINCRBY', KEYS[3], 'dropped:' .. ARGV[1], over) end
  end
end
return 1
