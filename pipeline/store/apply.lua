-- One slot's share of a slice, whole or not at all.
--
-- KEYS[1] the slot's `applied` hash; KEYS[2] its `open` sorted set; KEYS[3] its `erased` set; KEYS[4] a key that is
--         never written: because of it a Redis Cluster runs no part of this while the hash slot moves to another node
-- ARGV[1] source partition (field of `applied`)
-- ARGV[2] offset and ARGV[3] version that the writer believes to be in force ('0' where nothing is there yet)
-- ARGV[4] next offset to apply; ARGV[5] next version
-- ARGV[6] '' or msgpack of {sets, removals, appends, replacements, earlier, scores, unscores, renewals, ttl in s,
--         texts, standing, moves, beginnings}; each but the ttl, standing and moves is a flat array of key, what to do
--         with it, key, ...
--           sets     {field, value, ...}       HSET        removals      {field, ...}          HDEL
--           appends  bytes                     APPEND      replacements  bytes                 SET
--           beginnings  bytes                  APPEND, and SET where something lay there before; '' DEL
--           scores   {score, member, ...}      ZADD        earlier       {score, member, ...}  ZADD LT
--           unscores {member, ...}             ZREM
--           renewals n                         EXPIRE; where n > 0 also drop members below that score
--           texts    {ttl, field, value, actor, ...}   HSET where there is no newer value; the time of a value stands in
--                    its first 15 digits. What an erased actor said is kept without text and actor.
--           standing key, ...                  EXPIRE: pages that were there when they were read, and must be
--           moves    key, other key, field, ms, ...   of `texts`: a comment turned out to be of another time. What is
--                    there of it goes to the other key, with that time, where there is no newer value. The other key,
--                    which may be the same, is one of `texts`
--         These keys (pages, members, posts) carry the hash tag of KEYS, so they lie on the same node. They are
--         not in KEYS because a client packs an argument in 1 us and a string inside msgpack in 0.05 us.
-- ARGV[7...] further fields of `applied` and their values: layout and window sizes, where they are not there yet, up to
--         where the slot is published, and the watermark of that publication
-- Returns 1; or {offset, version} in force, having written nothing but lifetimes: the writer is fenced, or a page ran
--         out since it was read.
local call, min = redis.call, math.min
-- Arguments of one command: `unpack` takes 8,000 at the most. Even, for fields and values come in pairs.
local MOST = 4000
local function every(command, list)
  for i = 1, #list, 2 do
    local key, parts = list[i], list[i + 1]
    for first = 1, #parts, MOST do call(command, key, unpack(parts, first, min(first + MOST - 1, #parts))) end
  end
end
local there = call('HMGET', KEYS[1], ARGV[1], 'version')
local offset, version = there[1] or '0', there[2] or '0'
if offset ~= ARGV[2] or version ~= ARGV[3] then
  return {offset, version}
end
if ARGV[6] ~= '' then
  local change = cmsgpack.unpack(ARGV[6])
  local list = change[11]
  for i = 1, #list do
    if call('EXPIRE', list[i], change[9]) == 0 then return {offset, version} end
  end
  every('HSET', change[1])
  every('HDEL', change[2])
  list = change[3]
  for i = 1, #list, 2 do call('APPEND', list[i], list[i + 1]) end
  list = change[4]
  for i = 1, #list, 2 do call('SET', list[i], list[i + 1]) end
  list = change[13]
  for i = 1, #list, 2 do
    local key, bytes = list[i], list[i + 1]
    if bytes == '' then
      call('DEL', key)
    elseif call('APPEND', key, bytes) > #bytes then
      call('SET', key, bytes)
    end
  end
  list = change[5]
  for i = 1, #list, 2 do
    local key, parts = list[i], list[i + 1]
    for first = 1, #parts, MOST do call('ZADD', key, 'LT', unpack(parts, first, min(first + MOST - 1, #parts))) end
  end
  every('ZADD', change[6])
  every('ZREM', change[7])
  list = change[8]
  for i = 1, #list, 2 do
    call('EXPIRE', list[i], change[9])
    if list[i + 1] > 0 then call('ZREMRANGEBYSCORE', list[i], '-inf', list[i + 1]) end
  end
  list = change[10]
  if #list > 0 then
    local erased = call('EXISTS', KEYS[3]) == 1
    local function plain(value)
      local said = cjson.decode(string.sub(value, 16))
      said.text, said.actor = cjson.null, cjson.null
      return string.sub(value, 1, 15) .. cjson.encode(said)
    end
    local moves = change[12]
    for i = 1, #moves, 4 do
      local key, other, field = moves[i], moves[i + 1], moves[i + 2]
      local value = call('HGET', key, field)
      if value then
        call('HDEL', key, field)
        -- Inside of a text a quotation mark has a backslash before it.
        value = string.gsub(value, '"time_ms":%d+', '"time_ms":' .. moves[i + 3], 1)
        -- Who is named here may not be looked for under the other key any more.
        if erased then
          local said = cjson.decode(string.sub(value, 16))
          if said.actor ~= cjson.null and call('SISMEMBER', KEYS[3], said.platform .. ':' .. said.actor) == 1 then
            value = plain(value)
          end
        end
        local there = call('HGET', other, field)
        if not there or there < value then call('HSET', other, field, value) end
      end
    end
    for i = 1, #list, 2 do
      local key, said = list[i], list[i + 1]
      local fields, newest = {}, {}
      for j = 2, #said, 3 do
        local field, value = said[j], said[j + 1]
        if erased and call('SISMEMBER', KEYS[3], said[j + 2]) == 1 then value = plain(value) end
        if not newest[field] then fields[#fields + 1] = field end
        if not newest[field] or newest[field] < value then newest[field] = value end
      end
      -- All of an account's day together: a command a comment took twice as long.
      for first = 1, #fields, MOST / 2 do
        local last, write = min(first + MOST / 2 - 1, #fields), {}
        local old = call('HMGET', key, unpack(fields, first, last))
        for j = first, last do
          local value, there = newest[fields[j]], old[j - first + 1]
          if not there or there < value then
            write[#write + 1] = fields[j]
            write[#write + 1] = value
          end
        end
        if #write > 0 then call('HSET', key, unpack(write)) end
      end
      call('EXPIRE', key, said[1])
    end
  end
end
call('HSET', KEYS[1], ARGV[1], ARGV[4], 'version', ARGV[5], unpack(ARGV, 7))
return 1
