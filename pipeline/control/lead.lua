-- Take or renew the right to act as supervisor.
--
-- KEYS: supervisor. ARGV: token, milliseconds. Returns 1, or 0 while another one leads.

local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
