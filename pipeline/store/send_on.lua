-- How far a slot's records are sent on from a partition that held it before partitions were added.
--
-- KEYS[1] the slot's `applied` hash
-- ARGV[1] that partition: field of what was counted from it; ARGV[2] field of what was sent on from it
-- ARGV[3] and ARGV[4] both offsets as the writer believes them ('0' where nothing is there); ARGV[5] the next of the second
-- Returns 1; or {counted, sent} in force, having written nothing: Redis is another one, or another writer was there.
-- The version is left alone: it belongs to the owner of the slot, who counts meanwhile.
local there = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
local counted, sent = there[1] or '0', there[2] or '0'
if counted ~= ARGV[3] or sent ~= ARGV[4] then
  return {counted, sent}
end
if ARGV[5] ~= sent then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[5])
end
return 1
