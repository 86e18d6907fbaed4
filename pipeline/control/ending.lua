-- Note how a run ended and give up its lease.
--
-- KEYS: meta, assigned, hold, outcome, wish. ARGV: owner token (empty if the run never owned the stream), host, generation,
-- state (ended, failed, released), error, final (0 or 1), jitter, forgiving seconds.
-- A run that owns the stream no more has nothing to say of it. One that never did may, while the stream is assigned to
-- its host and nobody holds it. Returns 1, or 0 if the stream is somebody else's.
-- A run that was told to stop leaves the state `paused`; where nobody wished for a pause it is to be started again, and
-- whoever does so shall not call the time between a pause.

local token, host, generation, state, err, final, jitter, forgive = unpack(ARGV)
local mine = redis.call('HGET', KEYS[2], 'host') == host

if token == '' then
  if not mine or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
elseif redis.call('HGET', KEYS[1], 'owner') ~= token then
  return 0
end

if state ~= 'released' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  local last = redis.call('HMGET', KEYS[4], 'generation', 'count', 'at')
  local count = 1
  if last[1] == generation and now - tonumber(last[3]) < tonumber(forgive) then count = tonumber(last[2]) + 1 end
  redis.call('HSET', KEYS[4], 'state', state, 'generation', generation, 'count', count,
    'at', string.format('%.6f', now), 'jitter', jitter, 'error', err, 'final', final)
end
if state == 'released' and redis.call('HGET', KEYS[1], 'state') == 'paused' then
  local wish = redis.call('HGET', KEYS[5], 'wish')
  if wish and not cjson.decode(wish).paused then redis.call('HSET', KEYS[1], 'state', 'starting') end
end
if mine then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[3])
return 1
