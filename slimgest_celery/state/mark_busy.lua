-- Mark a worker as busy with a page range of a job, from now on Redis's clock.
-- One clock for all workers: on a clock that runs back, the counter of busy seconds would look like a restart.
local worker = KEYS[1]
local job_id, page_number = ARGV[1], ARGV[2]

local time = redis.call('TIME')
local now_s = time[1] + time[2] / 1e6
redis.call('HSET', worker, 'state', 'busy', 'job_id', job_id, 'page_number', page_number,
  'busy_since', string.format('%.6f', now_s))
