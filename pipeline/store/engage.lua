-- Who was engaged: some actors into some HyperLogLogs of one slot.
--
-- KEYS[1] any key of the slot; ARGV[1] msgpack of {key, ttl in s, {actor, ...}, key, ...}. The keys carry the slot's hash
-- tag. Not part of `apply.lua`: to add an actor twice changes nothing, so this may be repeated, also by a writer that is
-- fenced; and Redis serves others between two of these, while that script holds it for a slot's whole slice.
local list = cmsgpack.unpack(ARGV[1])
for i = 1, #list, 3 do
  redis.call('PFADD', list[i], unpack(list[i + 2]))
  redis.call('EXPIRE', list[i], list[i + 1])
end
return 1
