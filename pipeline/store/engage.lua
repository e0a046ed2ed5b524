-- Who was engaged: some actors into some HyperLogLogs of one slot.
--
-- KEYS[1] any key of the slot; KEYS[2] a key that is never written (`apply.lua`)
-- ARGV[1] msgpack of {{key, lifetime in s, {actor, ...}, key, ...}, {{key, lifetime in s, key, ...}, {actor, ...}, ...}}:
--         each post's set (a lifetime of 0: it has one) and its actors; the sets of an account, and theirs. All of these
--         keys have the slot's hash tag.
--
-- Not part of `apply.lua`: to add an actor twice changes nothing, so this may be repeated, also by a writer that is
-- fenced; and Redis serves others between two of these, while that script holds it for a slot's whole slice.
local call = redis.call
local change = cmsgpack.unpack(ARGV[1])
local posts, accounts = change[1], change[2]
for i = 1, #posts, 3 do
  call('PFADD', posts[i], unpack(posts[i + 2]))
  if posts[i + 1] > 0 then call('EXPIRE', posts[i], posts[i + 1]) end
end
for i = 1, #accounts, 2 do
  local sets, actors = accounts[i], accounts[i + 1]
  for j = 1, #sets, 2 do
    call('PFADD', sets[j], unpack(actors))
    call('EXPIRE', sets[j], sets[j + 1])
  end
end
return 1
