-- Let everything that is dead wait again, as if it were new. KEYS: waiting, dead. Returns how many.

local found = redis.call('XRANGE', KEYS[2], '-', '+')
for _, entry in ipairs(found) do
  local fields = entry[2]
  for at = 1, #fields, 2 do
    if fields[at] == 'letter' then redis.call('XADD', KEYS[1], '*', 'letter', fields[at + 1]) end
  end
end
redis.call('UNLINK', KEYS[2])
return #found
