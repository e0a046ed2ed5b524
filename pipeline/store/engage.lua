-- Who was engaged: some actors into some HyperLogLogs of one slot.
--
-- KEYS[1] any key of the slot; KEYS[2] a key that is never written (`apply.lua`)
-- ARGV[1] msgpack of {lifetime in s, {{key, lifetime in s, key, ...}, ...}, {key, n, {actor, ...}, key, ...}}: each
--         post's set, and the n-th of the lists of sets (its account's), all with the slot's hash tag
--
-- Not part of `apply.lua`: to add an actor twice changes nothing, so this may be repeated, also by a writer that is
-- fenced; and Redis serves others between two of these, while that script holds it for a slot's whole slice.
local call = redis.call
local change = cmsgpack.unpack(ARGV[1])
local lifetime, sets, posts = change[1], change[2], change[3]
for i = 1, #posts, 3 do
  local actors = posts[i + 2]
  call('PFADD', posts[i], unpack(actors))
  call('EXPIRE', posts[i], lifetime)
  local of_account = sets[posts[i + 1]]
  for j = 1, #of_account, 2 do call('PFADD', of_account[j], unpack(actors)) end
end
for i = 1, #sets do
  for j = 1, #sets[i], 2 do call('EXPIRE', sets[i][j], sets[i][j + 1]) end
end
return 1
