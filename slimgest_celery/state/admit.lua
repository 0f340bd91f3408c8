-- Admit all jobs of a request, or none if more than `limit` jobs would then be pending, or more than `owner_limit` of
-- the same owner.
-- One step in Redis, so that the limit also holds for requests that arrive at the same time.
-- Returns 1 if the jobs were admitted, else 0.
local pending_jobs, listed_jobs = KEYS[1], KEYS[2]
local limit, owner_limit, created_s = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local first_job = 4  -- in ARGV; the ids of the other jobs follow

local job_count = #ARGV - first_job + 1
if redis.call('ZCARD', pending_jobs) + job_count > limit then return 0 end
if owner_limit < limit then
  local owned = redis.call('ZINTER', 2, pending_jobs, listed_jobs)
  if #owned + job_count > owner_limit then return 0 end
end
for i = first_job, #ARGV do
  local job_id = ARGV[i]
  redis.call('ZADD', pending_jobs, created_s, job_id)
  redis.call('ZADD', listed_jobs, created_s, job_id)
end
return 1
