-- Mark a worker as idle, and add the time of its last task to its busy seconds.
local worker = KEYS[1]
local memory_mb = ARGV[1]

local time = redis.call('TIME')
local now_s = time[1] + time[2] / 1e6
local busy_since = tonumber(redis.call('HGET', worker, 'busy_since'))
redis.call('HSET', worker, 'state', 'idle', 'memory_mb', memory_mb)
redis.call('HDEL', worker, 'job_id', 'page_number', 'busy_since')
if not busy_since then return end
local took_s = math.max(0, now_s - busy_since)
redis.pcall('HINCRBYFLOAT', worker, 'busy_seconds', string.format('%.6f', took_s))
