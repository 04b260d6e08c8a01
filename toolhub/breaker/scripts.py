"""The breaker of all replicas: scripts that Redis runs one at a time, by its own clock.

One hash per server, so that a cluster keeps it in one place; it goes by itself when nobody calls
the server for two hours.

    s  state: C, O or H; absent is C      n    calls refused
    w  the last verdicts, one letter each  t    changes of state: <ms><state>;...
    e  epoch; results of older ones count  u    open until
       no more                             q    the server asked for quiet until
    p  token of the probe                  a    when the next call would come at the agreed rate
    l  until when the probe is believed

The first line of each makes Redis refuse it at once while it can keep nothing (a replica, a full
memory, a full disk), also where it would only read: a Redis that hands out permits and forgets all
results would never open a breaker.
"""

from typing import Final

KEEP_MS: Final = 2 * 3600 * 1000

_COMMON: Final = """#!lua
local k = KEYS[1]

-- Not asked on the way that nearly all calls take: it costs as much as the rest.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function move(state, now)
  local moments = (redis.call('HGET', k, 't') or '') .. string.format('%d', now) .. state .. ';'
  local _, count = string.gsub(moments, ';', '')
  if count > 10 then moments = string.gsub(moments, '^[^;]*;', '', 1) end
  redis.call('HSET', k, 's', state, 't', moments)
end

local function keep()
  redis.call('PEXPIRE', k, KEEP_MS)
end
""".replace("KEEP_MS", str(KEEP_MS))

# ARGV: mode, lease_ms, token, interval_ms, burst, open_ms
# Returns {C or P, 0, epoch, moved}, or {why not, left_ms}.
ACQUIRE: Final = (
    _COMMON
    + """
local mode, lease, token = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local interval, burst = tonumber(ARGV[4]), tonumber(ARGV[5])
local h = redis.call('HMGET', k, 's', 'e', 'u', 'p', 'l', 'q', 'a')
local state, epoch = h[1] or 'C', h[2] or '0'
if mode ~= 'open' and state == 'C' and not h[6] and interval == 0 then
  return {'C', 0, epoch, 0}
end
local now = clock()
local open_until, lease_until = tonumber(h[3] or 0), tonumber(h[5] or 0)
local quiet_until = tonumber(h[6] or 0)
local arrival = math.max(tonumber(h[7] or 0), now)

local function refuse(why, left)
  redis.call('HINCRBY', k, 'n', 1)
  keep()
  return {why, math.max(1, math.floor(left + 0.5)), epoch, 0}
end

if mode == 'open' then return refuse('F', tonumber(ARGV[6])) end
if mode == 'auto' then
  if state == 'O' and open_until > now then return refuse('O', open_until - now) end
  if state == 'H' and h[4] and lease_until > now then return refuse('X', lease_until - now) end
end
if quiet_until > now then return refuse('T', quiet_until - now) end
if interval > 0 then
  local left = arrival - (burst - 1) * interval - now
  if left > 0 then return refuse('R', left) end
  redis.call('HSET', k, 'a', string.format('%.3f', arrival + interval))
  keep()
end
if mode ~= 'auto' or state == 'C' then return {'C', 0, epoch, 0} end
redis.call('HSET', k, 'p', token, 'l', now + lease)
if state == 'O' then move('H', now) end
keep()
return {'P', 0, epoch, state == 'O' and 1 or 0}
"""
)

# ARGV: verdict, token, epoch, window, min_calls, failure %, slow %, open_ms, throttle_ms
# Returns the new state, or nothing.
RECORD: Final = (
    _COMMON
    + """
local verdict, token = ARGV[1], ARGV[2]
local h = redis.call('HMGET', k, 's', 'e', 'p', 'w', 'q')
local state, epoch = h[1] or 'C', h[2] or '0'
local bad = verdict == 'b' or verdict == 'x'

local function open()
  local now = clock()
  redis.call('HSET', k, 'u', now + tonumber(ARGV[8]), 'w', '')
  redis.call('HDEL', k, 'p', 'l')
  move('O', now)
  keep()
  return 'O'
end

local throttle = tonumber(ARGV[9])
if throttle > 0 then
  redis.call('HSET', k, 'q', math.max(tonumber(h[5] or 0), clock() + throttle))
  keep()
end
if state == 'H' and h[3] == token then
  redis.call('HDEL', k, 'p', 'l')
  if verdict == 'i' then return '' end
  if bad then return open() end
  local now = clock()
  -- Another one each time, even when the clock is set back.
  redis.call('HSET', k, 'e', string.format('%d', math.max(now, tonumber(epoch) + 1)), 'w', '')
  move('C', now)
  keep()
  return 'C'
end
if state ~= 'C' or epoch ~= ARGV[3] or verdict == 'a' or verdict == 'i' then return '' end
local window = string.sub((h[4] or '') .. verdict, -tonumber(ARGV[4]))
local calls = #window
local _, failed = string.gsub(window, '[bx]', '')
local _, slow = string.gsub(window, '[sx]', '')
if calls >= tonumber(ARGV[5]) and (failed * 100 > tonumber(ARGV[6]) * calls
    or slow * 100 > tonumber(ARGV[7]) * calls) then
  return open()
end
redis.call('HSET', k, 'w', window)
keep()
return ''
"""
)

# Returns the time in ms, and the names and values of the hash.
LOOK: Final = (
    _COMMON
    + """
return {clock(), redis.call('HGETALL', k)}
"""
)
