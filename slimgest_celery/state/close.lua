-- Remove an ended job from the pending jobs, with its counts of attempts.
-- A job that was retried in the meantime has no end any more: it stays pending.
local job, pending_jobs, attempts = KEYS[1], KEYS[2], KEYS[3]
local job_id = ARGV[1]

if redis.call('HEXISTS', job, 'ended') == 0 then return end
redis.call('ZREM', pending_jobs, job_id)
redis.call('DEL', attempts)
