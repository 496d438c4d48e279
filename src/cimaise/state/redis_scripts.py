"""What Redis or Valkey does at once, as Lua; the time is the server's own, in microseconds.

Numbers are doubles in Lua: microseconds since 1970 stay whole in them until the year 2255.
"""

from typing import Final

_NOW: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
"""

TAKE_LEASE: Final = (
    _NOW
    + """
-- KEYS lease, fence; ARGV ttl in ms. The token grows even where the server lost its memory.
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return token
"""
)

RENEW_LEASE: Final = """
-- KEYS lease; ARGV token, ttl in ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

RELEASE_LEASE: Final = """
-- KEYS lease; ARGV token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

HIT: Final = (
    _NOW
    + """
-- KEYS rate; ARGV window in µs, cost of the hit in µs. The rule is that of cimaise.state.rates.
local window = tonumber(ARGV[1])
local kept = tonumber(redis.call('GET', KEYS[1]) or '0')
local start = math.min(math.max(kept, now), now + window)
local moved = start + tonumber(ARGV[2])
if moved > now + window + 1 then
  return {0, string.format('%.0f', start - now), string.format('%.0f', moved - now - window)}
end
redis.call('SET', KEYS[1], string.format('%.0f', moved), 'PX', math.ceil((moved - now) / 1000) + 1)
return {1, string.format('%.0f', moved - now), '0'}
"""
)

ENTER: Final = (
    _NOW
    + """
-- KEYS places; ARGV id, limit, ttl in ms. A sorted set of ids by their ends.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
local stop = now + ARGV[3] * 1000
redis.call('ZADD', KEYS[1], string.format('%.0f', stop), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
"""
)
