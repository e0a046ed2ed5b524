-- One write of an erasure, unless one of those before it is gone: then Redis fell back meanwhile, and all is done anew.
--
-- KEYS[1] how many writes this erasure has done here (`erasing`); KEYS[2] how far erasures are done here, and what
--         subscribers are still to be told (`erasures`); KEYS[3] the names or the texts that are written to
-- ARGV[1] that number, as the writer knows it ('0' before the first); ARGV[2] its lifetime, s; ARGV[3] what to write:
--           names    name, ...                     whose texts are not to be kept; 7,000 at the most
--           text     mark, value, key, record      a text's value without text and actor; of a comment that was removed
--                                                  meanwhile nothing is left. The key in the topic and its record are due
--           due      key, record                   of a comment that stands in the topic alone
--           done     partition, offset, ...        everything up to there is erased
-- Returns 1; 0 where writes are gone, having written nothing.
local call = redis.call
if (call('GET', KEYS[1]) or '0') ~= ARGV[1] then return 0 end
call('SET', KEYS[1], ARGV[1] + 1, 'EX', ARGV[2])
if ARGV[3] == 'names' then
  call('SADD', KEYS[3], unpack(ARGV, 4))
elseif ARGV[3] == 'text' then
  if call('HEXISTS', KEYS[3], ARGV[4]) == 1 then
    call('HSET', KEYS[3], ARGV[4], ARGV[5])
    call('HSET', KEYS[2], ARGV[6], ARGV[7])
  end
else
  call('HSET', KEYS[2], unpack(ARGV, 4))
  if ARGV[3] == 'done' then call('DEL', KEYS[1]) end
end
return 1
