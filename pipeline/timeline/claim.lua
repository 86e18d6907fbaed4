-- Take a stream over, and read where its last owner stopped.
--
-- KEYS: meta, labels, checkpoint. ARGV: new owner token, source, model, wall seconds, then at least one label.
-- Returns {all labels, packed checkpoint or nil}.

local meta = KEYS[1]
redis.call('HSET', meta, 'owner', ARGV[1], 'source', ARGV[2], 'model', ARGV[3], 'updated', ARGV[4])
redis.call('HSETNX', meta, 'epoch', 0)
redis.call('HSETNX', meta, 'step', -1)
redis.call('HSETNX', meta, 'state', 'starting')
redis.call('SADD', KEYS[2], unpack(ARGV, 5))
return {redis.call('SMEMBERS', KEYS[2]), redis.call('GET', KEYS[3])}
