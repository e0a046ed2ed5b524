-- Enters a post's account into the directory, or renews the entry's lifetime; another account's entry is left alone.
--
-- KEYS[1] the post's entry
-- ARGV[1] the account; ARGV[2] lifetime of the entry, s; ARGV[3] another account whose entry may be replaced, or ''
-- Returns nothing where the entry is the account's now; {account, seconds left} of the entry that stands.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] and owner ~= ARGV[3] then
  return {owner, redis.call('TTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false
