-- The shared log in Redis.
--
-- Theory of operation: every change of the log is one call of this script. Redis runs a
-- script without interruption, and the script makes all its checks before it writes. So
-- a change happens as a whole or not at all, and all processes see the same order.
--
-- ARGV[1] names the function to run; a comment above each function lists the other
-- arguments. KEYS are the tables:
--   events   a Redis stream of the newest events, as many as are retained
--   state    for each slot ("<type>\0<key>") its newest event: "<id> <type> <data>"
--   retired  the retired slots, in the order in which they were retired
--   meta     tail, floor, accountable: as in log.py
--            settled: nobody may publish before this time (epoch ms)
--            fence: the number of the only leadership that may publish
--            batch, first, count: that leadership's last batch, and the ids it got
--            place: how far the source had come with that batch, if the state lacks it
--   once     for each idempotency key "<fingerprint> <first id> <count>"
--   onces    the idempotency keys, oldest first
--   leader   the lock that the leader holds
--   trial    a key that only exists while `rehearse` runs
--   expiries for each slot that is to be retired "<id> <until>" (epoch ms). It counts only
--            for the event with that id, because older versions don't know this table

local events, state, retired, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local once, onces, leader, trial = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local expiries = KEYS[9]

local RETIREMENTS = 10000  -- as in log.py
local ONCES = 10000  -- idempotency keys that are remembered
local SETTLE = 1000  -- ms in which all processes can restore what Redis lost
-- Per event: type, type of its slot or "", subject or "", data, until (epoch ms) or "".
local FIELDS = 5

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

-- Return an id as it is, and nil for any other text: anybody may have written to Redis.
local function valid(id)
  return id and string.match(id, '^%d+%-%d+$')
end

local has_expiries = false  -- whether the table of expiries may have an entry

-- Fail before anything is written if a table has a type that this script can't use.
local function probe()
  redis.call('XLEN', events)
  redis.call('HLEN', state)
  redis.call('ZCARD', retired)
  redis.call('HLEN', once)
  redis.call('LLEN', onces)
  has_expiries = redis.call('HLEN', expiries) > 0
end

-- Every command that this script or the leader's lock uses, on a key that is empty
-- afterwards. The first one needs memory: Redis checks that before the first write of a
-- script, and not before the later ones.
local REHEARSED = {
  {'SET', trial, '', 'PX', 1000},
  {'PEXPIRE', trial, 1000},
  {'GET', trial},
  {'DEL', trial},
  {'XADD', trial, 'NOMKSTREAM', '*', 'a', ''},
  {'XTRIM', trial, 'MAXLEN', 0},
  {'XRANGE', trial, '-', '+'},
  {'ZADD', trial, 'XX', 0, 'a'},
  {'ZREM', trial, 'a'},
  {'ZPOPMIN', trial},
  {'ZSCORE', trial, 'a'},
  {'HSET', trial, 'a', 0},
  {'HINCRBY', trial, 'a', 0},
  {'HGET', trial, 'a'},
  {'HMGET', trial, 'a'},
  {'HEXISTS', trial, 'a'},
  {'HDEL', trial, 'a'},
  {'RPUSH', trial, ''},
  {'LPOP', trial},
  {'TIME'},
  {'XLEN', events},
  {'HLEN', state},
  {'ZCARD', retired},
  {'HLEN', once},
  {'LLEN', onces},
  {'HLEN', expiries},
}

-- Find out whether Redis would let this script publish, and the leader renew its lock.
-- Return the name of the first command that Redis refuses and its error, or '' twice.
-- A log that can be read is no proof: a replica, a Redis without memory and one that
-- can't save its data all refuse nothing but writes.
local function rehearse()
  for _, command in ipairs(REHEARSED) do
    local reply = redis.pcall(unpack(command))
    if type(reply) == 'table' and reply.err then
      return command[1], reply.err
    end
  end
  return '', ''
end

-- Return for how many ms nobody may publish yet. If more than SETTLE is left, the clock
-- was set back meanwhile, and there is nothing to wait for.
local function unsettled(settled)
  local left = (tonumber(settled) or 0) - now()
  return left > SETTLE and 0 or math.max(left, 0)
end

local function slot_at(at)
  return ARGV[at + 1] .. '\0' .. ARGV[at + 2]
end

-- Return the id of a slot's newest event; nil if it has none.
local function newest_id(slot)
  local known = redis.call('HGET', state, slot)
  return known and valid(string.match(known, '^%S+'))
end

-- Add an event to the stream. Its `after` is the id of the event before it, so that a
-- reader notices if that one was trimmed. The last event of a batch has the source's
-- place, so that every process can restore it if Redis loses its data.
local function retain(id, after, at, place)
  local entry = {
    'after', after, 'event', ARGV[at], 'slot', ARGV[at + 1],
    'subject', ARGV[at + 2], 'data', ARGV[at + 3]
  }
  if ARGV[at + 4] ~= '' then
    entry[#entry + 1], entry[#entry + 2] = 'until', ARGV[at + 4]
  end
  if place ~= '' and at + FIELDS > #ARGV then
    entry[#entry + 1], entry[#entry + 2] = 'place', place
  end
  redis.call('XADD', events, id, unpack(entry))
end

-- Set the instant at which a slot is to be retired, whose newest event has this id; ""
-- means never.
local function expire(slot, id, instant)
  if instant ~= '' then
    redis.call('HSET', expiries, slot, id .. ' ' .. instant)
    has_expiries = true
  elseif has_expiries then
    redis.call('HDEL', expiries, slot)
  end
end

-- Make an event the newest of its slot.
local function replace(id, at)
  local type, slot = ARGV[at], slot_at(at)
  redis.call('HSET', state, slot, id .. ' ' .. type .. ' ' .. ARGV[at + 3])
  redis.call('ZREM', retired, slot)
  expire(slot, id, ARGV[at + 4])
  if type ~= 'gone' then
    return
  end
  redis.call('ZADD', retired, redis.call('HINCRBY', meta, 'retirements', 1), slot)
  if redis.call('ZCARD', retired) > RETIREMENTS then
    local oldest = redis.call('ZPOPMIN', retired)[1]
    local known = redis.call('HGET', state, oldest)
    local last = known and valid(string.match(known, '^%S+'))
    redis.call('HSET', meta, 'accountable', last or redis.call('HGET', meta, 'tail'))
    redis.call('HDEL', state, oldest)
    expire(oldest, '', '')
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

-- Return whether one of the keys changed after `seen`, the tail of the log from which
-- the publisher made its events.
local function overtaken(seen, first_at)
  for at = first_at, #ARGV, FIELDS do
    local known = ARGV[at + 1] ~= '' and newest_id(slot_at(at))
    if known and before(seen, known) then
      return true
    end
  end
  return false
end

-- Return whether there would be more than `most` keys at any point of the batch. The
-- first check is cheap, and enough unless the log is almost full.
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

-- Return the reply to a process that has events which this log lacks, or that leads no
-- more. Return nil if it may publish.
local function outdated(mine, fence)
  local known = redis.call('HMGET', meta, 'tail', 'fence')
  if not valid(known[1]) or before(known[1], mine) then
    return {'lost'}
  end
  if fence ~= '' and fence ~= known[2] then
    return {'fenced'}
  end
end

-- Return the reply to a batch that must not be published now: the earlier ids if it was
-- published before, otherwise the reason. Return nil if it may be published.
local function turned_away(most, mine, seen, fence, batch, key, fingerprint, first_at)
  local refusal = outdated(mine, fence)
  if refusal then
    return refusal
  end
  if fence ~= '' then
    local last = redis.call('HMGET', meta, 'batch', 'first', 'count')
    if batch == last[1] then
      return {'seen', last[2], last[3]}
    end
  end
  local answer = key ~= '' and redis.call('HGET', once, key)
  if answer then
    local print, first, count = string.match(answer, '^(%S*) (%d+%-%d+) (%d+)$')
    if first then
      return print == fingerprint and {'seen', first, count} or {'reused'}
    end
  end
  if unsettled(redis.call('HGET', meta, 'settled')) > 0 then
    return {'settling'}
  end
  if seen ~= '' and (overtaken(seen, first_at) or overfull(most, first_at)) then
    return {'overtaken'}
  end
end

-- Return the milliseconds and the sequence of the next id after the log's tail.
local function next_id(tail)
  local ms, seq = parts(tail)
  local time = now()
  if time > ms then
    return time, 0
  end
  return ms, seq + 1
end

local function append(id, after, at, place)
  retain(id, after, at, place)
  if ARGV[at + 1] ~= '' then
    replace(id, at)
  end
end

-- Append a batch of events. Arguments: backlog, most keys, the caller's tail, `seen` or
-- "", fence, batch and place or "", idempotency key and fingerprint or "", the events.
local function publish()
  local backlog, most = tonumber(ARGV[2]), tonumber(ARGV[3])
  local mine, seen = ARGV[4], ARGV[5]
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
  local ms, seq = next_id(id)
  local first = whole(ms) .. '-' .. whole(seq)
  for at = first_at, #ARGV, FIELDS do
    local after = id
    id = whole(ms) .. '-' .. whole(seq)
    seq = seq + 1
    append(id, after, at, place)
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

-- Retire expired slots, except those that have a newer event by now. Arguments: backlog,
-- the caller's tail, fence, then the `gone` event of each slot, each preceded by the id
-- of the event that expired.
local function retire()
  local backlog, mine, fence = tonumber(ARGV[2]), ARGV[3], ARGV[4]
  probe()
  local refusal = outdated(mine, fence)
  if refusal then
    return refusal
  end
  if unsettled(redis.call('HGET', meta, 'settled')) > 0 then
    return {'settling'}
  end
  local id = redis.call('HGET', meta, 'tail')
  local ms, seq = next_id(id)
  local first, count = whole(ms) .. '-' .. whole(seq), 0
  for at = 5, #ARGV, FIELDS + 1 do
    if newest_id(slot_at(at + 1)) == ARGV[at] then
      local after = id
      id = whole(ms) .. '-' .. whole(seq + count)
      count = count + 1
      append(id, after, at + 1, '')
    end
  end
  redis.call('HSET', meta, 'tail', id)
  trim(backlog)
  return {'ok', first, whole(count)}
end

-- Compare the caller's log with this one. Argument: the caller's tail, or "" if it has
-- loaded no log yet. Reply "behind" if this log lacks events that the caller has,
-- "load" if the caller can't continue from its tail, otherwise "current"; then this
-- log's tail, the milliseconds until somebody may publish, and what `rehearse` returns.
local function compare()
  local mine = ARGV[2]
  local refused, why = rehearse()
  local known = redis.call('HMGET', meta, 'tail', 'floor', 'settled')
  local tail, floor = valid(known[1]), valid(known[2]) or valid(known[1])
  if not tail and mine == '' and refused == '' then
    local time = now()
    tail = whole(time) .. '-0'
    known[3] = whole(time + SETTLE)
    redis.call(
      'HSET', meta, 'tail', tail, 'floor', tail, 'accountable', tail,
      'settled', known[3]
    )
  end
  if not tail or (mine ~= '' and before(tail, mine)) then
    return {'behind', tail or '', '0', refused, why}
  end
  local wait = '0'
  if refused == '' then
    wait = whole(unsettled(known[3]))
  end
  if mine == tail or mine == floor then
    return {'current', tail, wait, refused, why}
  end
  if mine == '' or before(mine, floor) or #redis.call('XRANGE', events, mine, mine) == 0
  then
    return {'load', tail, wait, refused, why}
  end
  return {'current', tail, wait, refused, why}
end

-- Replace this log by the caller's. Arguments: the tail that `compare` replied with,
-- the caller's tail, floor, accountable, place, and the number of events in its state;
-- then the events of the state and the retained events, each preceded by its id.
local function restore()
  local place, in_state = ARGV[6], tonumber(ARGV[7])
  probe()
  if (valid(redis.call('HGET', meta, 'tail')) or '') ~= ARGV[2] then
    return {'changed'}
  end
  redis.call('DEL', events, state, retired, expiries)
  redis.call(
    'HSET', meta, 'tail', ARGV[3], 'floor', ARGV[4], 'accountable', ARGV[5],
    'settled', whole(now() + SETTLE), 'place', place
  )
  local after = ARGV[4]
  for at = 8, #ARGV, FIELDS + 1 do
    if in_state > 0 then
      replace(ARGV[at], at + 1)
      in_state = in_state - 1
    else
      retain(ARGV[at], after, at + 1, place)
      after = ARGV[at]
    end
  end
  return {'ok'}
end

-- Begin a leadership. Argument: the token of the caller's lock.
local function lead()
  local known = redis.call('HMGET', meta, 'tail', 'fence')
  if redis.call('GET', leader) ~= ARGV[2] or not valid(known[1]) then
    return {'lost'}
  end
  -- It is taken from the clock so that it grows even if Redis lost the last one.
  local fence = whole(math.max(now(), (tonumber(known[2]) or 0) + 1))
  redis.call('HSET', meta, 'fence', fence, 'batch', '')
  return {'ok', fence, known[1]}
end

local acts = {
  publish = publish, retire = retire, compare = compare, restore = restore, lead = lead
}
return acts[ARGV[1]]()
