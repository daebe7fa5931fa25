-- Takes one from KEYS[1], which holds the time in microseconds at which all that was taken is paid off. ARGV: what one take costs, and
-- the most that may be owed. Answers whether it was allowed, and what is owed after it.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local paid_at = tonumber(redis.call('GET', KEYS[1]) or '0')
local debt = math.max(0, paid_at - now)
local each, most = tonumber(ARGV[1]), tonumber(ARGV[2])
if debt + each > most then return {0, debt} end
debt = debt + each
redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', string.format('%.0f', math.ceil(debt / 1000)))
return {1, debt}
