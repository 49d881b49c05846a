-- The shared log in Redis: whatever changes it is one call of this script, which checks
-- before it writes; so all of it happens, or none.
--
-- ARGV[1] says what to do; relay.py says what the rest is. The tables:
--   events   the stream: the newest events, as many as are retained
--   state    by slot ("<type>\0<key>"), its newest event: "<id> <type> <data>"
--   retired  the slots that were retired, in that order
--   meta     tail, floor, accountable: as in log.py. settled: until then (epoch ms)
--            nobody publishes. fence: the number of the leadership that may publish;
--            batch, first, count: its last batch, and the ids that this was given;
--            place: how far its source has come with it, where the state doesn't say
--   once     by key, what was published under it: "<fingerprint> <first id> <count>"
--   onces    these keys, in their order
--   leader   the lock of the leadership

local events, state, retired, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local once, onces, leader = KEYS[5], KEYS[6], KEYS[7]

local RETIREMENTS = 10000  -- as in log.py
local ONCES = 10000  -- keys of publishers that are remembered
local SETTLE = 1000  -- ms; time for all to say what they hold after Redis lost it
local FIELDS = 4  -- of an event: type, type of its slot or "", subject or "", data

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function before(one, other)
  local ms, seq = parts(one)
  local other_ms, other_seq = parts(other)
  return ms < other_ms or (ms == other_ms and seq < other_seq)
end

-- A key of another type than expected is to fail before anything was written.
local function probe()
  redis.call('XLEN', events)
  redis.call('HLEN', state)
  redis.call('ZCARD', retired)
  redis.call('HLEN', once)
  redis.call('LLEN', onces)
end

local function slot_at(at)
  return ARGV[at + 1] .. '\0' .. ARGV[at + 2]
end

-- Each says what it comes after, so that a reader sees where one was trimmed, and the
-- last how far the source has come, so that every reader has what Redis may lose.
local function retain(id, after, at, place)
  local entry = {
    'after', after, 'event', ARGV[at], 'slot', ARGV[at + 1],
    'subject', ARGV[at + 2], 'data', ARGV[at + 3]
  }
  if place ~= '' and at + FIELDS > #ARGV then
    entry[#entry + 1], entry[#entry + 2] = 'place', place
  end
  redis.call('XADD', events, id, unpack(entry))
end

local function replace(id, at)
  local type, slot = ARGV[at], slot_at(at)
  redis.call('HSET', state, slot, id .. ' ' .. type .. ' ' .. ARGV[at + 3])
  redis.call('ZREM', retired, slot)
  if type ~= 'gone' then
    return
  end
  redis.call('ZADD', retired, redis.call('HINCRBY', meta, 'retirements', 1), slot)
  if redis.call('ZCARD', retired) > RETIREMENTS then
    local oldest = redis.call('ZPOPMIN', retired)[1]
    local known = redis.call('HGET', state, oldest)
    redis.call('HSET', meta, 'accountable', string.match(known, '^%S+'))
    redis.call('HDEL', state, oldest)
  end
end

local function trim(backlog)
  local excess = redis.call('XLEN', events) - backlog
  if excess > 0 then
    local evicted = redis.call('XRANGE', events, '-', '+', 'COUNT', excess)
    redis.call('HSET', meta, 'floor', evicted[#evicted][1])
    redis.call('XTRIM', events, 'MAXLEN', backlog)
  end
end

-- Whether a key changed after the instant in the log at which it was looked at.
local function overtaken(seen, first_at)
  for at = first_at, #ARGV, FIELDS do
    local held = ARGV[at + 1] ~= '' and redis.call('HGET', state, slot_at(at))
    if held and before(seen, string.match(held, '^%S+')) then
      return true
    end
  end
  return false
end

-- Whether there would be more keys than may be. Most often there is room for all.
local function overfull(most, first_at)
  local keys = redis.call('HLEN', state) - redis.call('ZCARD', retired)
  if keys + (#ARGV - first_at + 1) / FIELDS <= most then
    return false
  end
  local lives = {}
  for at = first_at, #ARGV, FIELDS do
    local slot, stays = slot_at(at), ARGV[at] ~= 'gone'
    local lived = lives[slot]
    if lived == nil then
      lived = redis.call('HEXISTS', state, slot) == 1
        and not redis.call('ZSCORE', retired, slot)
    end
    if ARGV[at + 1] ~= '' and stays ~= lived then
      keys, lives[slot] = keys + (stays and 1 or -1), stays
      if stays and keys > most then
        return true
      end
    end
  end
  return false
end

-- What was answered before to the same, or why it can't be published; nil to go on.
local function turned_away(most, mine, seen, fence, batch, key, fingerprint, first_at)
  local tail = redis.call('HGET', meta, 'tail')
  if not tail or before(tail, mine) then
    return {'lost'}
  end
  if fence ~= '' then
    local last = redis.call('HMGET', meta, 'fence', 'batch', 'first', 'count')
    if fence ~= last[1] then
      return {'fenced'}
    end
    if batch == last[2] then
      return {'seen', last[3], last[4]}
    end
  end
  local answer = key ~= '' and redis.call('HGET', once, key)
  if answer then
    local print, first, count = string.match(answer, '^(%S*) (%S+) (%d+)$')
    return print == fingerprint and {'seen', first, count} or {'reused'}
  end
  if now() < tonumber(redis.call('HGET', meta, 'settled')) then
    return {'settling'}
  end
  if seen ~= '' and (overtaken(seen, first_at) or overfull(most, first_at)) then
    return {'overtaken'}
  end
end

-- backlog, most keys, the caller's tail, the one it had when it looked or "", fence,
-- batch and place or "", key and fingerprint or "", events
local function publish()
  local backlog, most, mine, seen = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
  local fence, batch, place = ARGV[6], ARGV[7], ARGV[8]
  local key, fingerprint, first_at = ARGV[9], ARGV[10], 11
  probe()
  local answer = turned_away(
    most, mine, seen, fence, batch, key, fingerprint, first_at
  )
  if answer then
    return answer
  end
  local id = redis.call('HGET', meta, 'tail')
  local ms, seq = parts(id)
  local time = now()
  if time > ms then
    ms, seq = time, -1
  end
  local first = whole(ms) .. '-' .. whole(seq + 1)
  for at = first_at, #ARGV, FIELDS do
    local after = id
    seq = seq + 1
    id = whole(ms) .. '-' .. whole(seq)
    retain(id, after, at, place)
    if ARGV[at + 1] ~= '' then
      replace(id, at)
    end
  end
  redis.call('HSET', meta, 'tail', id)
  trim(backlog)
  local count = whole((#ARGV - first_at + 1) / FIELDS)
  if fence ~= '' then
    redis.call(
      'HSET', meta, 'batch', batch, 'first', first, 'count', count, 'place', place
    )
  end
  if key ~= '' then
    redis.call('HSET', once, key, fingerprint .. ' ' .. first .. ' ' .. count)
    if redis.call('RPUSH', onces, key) > ONCES then
      redis.call('HDEL', once, redis.call('LPOP', onces))
    end
  end
  return {'ok', first, count}
end

-- the caller's tail, or "" where it holds no log yet
local function compare()
  local mine = ARGV[2]
  local known = redis.call('HMGET', meta, 'tail', 'floor', 'settled')
  local tail, floor = known[1], known[2]
  if not tail and mine == '' then
    local time = now()
    tail = whole(time) .. '-0'
    known[3] = whole(time + SETTLE)
    redis.call(
      'HSET', meta, 'tail', tail, 'floor', tail, 'accountable', tail,
      'settled', known[3]
    )
  end
  if not tail or (mine ~= '' and before(tail, mine)) then
    return {'behind', tail or '', '0'}
  end
  local unsettled = whole(math.max(tonumber(known[3]) - now(), 0))
  if mine == tail or mine == floor then
    return {'current', tail, unsettled}
  end
  if mine == '' or before(mine, floor) or #redis.call('XRANGE', events, mine, mine) == 0
  then
    return {'load', tail, unsettled}
  end
  return {'current', tail, unsettled}
end

-- the tail that Redis said it has, tail, floor, accountable, place, how many events of
-- the state; these, then the retained ones, each after its id
local function restore()
  local place, held = ARGV[6], tonumber(ARGV[7])
  probe()
  if (redis.call('HGET', meta, 'tail') or '') ~= ARGV[2] then
    return {'changed'}
  end
  redis.call('DEL', events, state, retired)
  redis.call(
    'HSET', meta, 'tail', ARGV[3], 'floor', ARGV[4], 'accountable', ARGV[5],
    'settled', whole(now() + SETTLE), 'place', place
  )
  local after = ARGV[4]
  for at = 8, #ARGV, FIELDS + 1 do
    if held > 0 then
      replace(ARGV[at], at + 1)
      held = held - 1
    else
      retain(ARGV[at], after, at + 1, place)
      after = ARGV[at]
    end
  end
  return {'ok'}
end

-- the token under which the caller holds the lock
local function lead()
  local known = redis.call('HMGET', meta, 'tail', 'fence')
  if redis.call('GET', leader) ~= ARGV[2] or not known[1] then
    return {'lost'}
  end
  -- From the clock, so that it grows even where Redis forgot the last one.
  local fence = whole(math.max(now(), (tonumber(known[2]) or 0) + 1))
  redis.call('HSET', meta, 'fence', fence, 'batch', '')
  return {'ok', fence, known[1]}
end

local acts = {publish = publish, compare = compare, restore = restore, lead = lead}
return acts[ARGV[1]]()
