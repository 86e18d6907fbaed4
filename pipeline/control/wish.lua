-- Write a wish under a new generation.
--
-- KEYS: wish. ARGV: what must be stored ('none', 'any', or a generation), the wish.
-- Returns the new generation, or false if something else is stored.
-- Generations follow the clock, so that a name which was removed and added again does not get an old one.

local stored = redis.call('HGET', KEYS[1], 'generation')
if ARGV[1] == 'none' and stored then return false end
if ARGV[1] ~= 'none' and ARGV[1] ~= 'any' and stored ~= ARGV[1] then return false end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local generation = string.format('%.0f', math.max(now, tonumber(stored or 0) + 1))
redis.call('HSET', KEYS[1], 'wish', ARGV[2], 'generation', generation)
return generation
