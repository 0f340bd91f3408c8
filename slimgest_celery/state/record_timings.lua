-- Add pages and the seconds in which a worker read them to a moving average of all workers.
-- The average consists of two sums per name, which fade together. They fade with the time that workers are busy, not
-- with the time that passes: the average of yesterday evening is still valid this morning.
local timings, worker_names = KEYS[1], KEYS[2]
local window_s, took_s = tonumber(ARGV[1]), tonumber(ARGV[2])
local first_increment = 3  -- in ARGV: a name, its pages, its seconds, the next name …

local stored = redis.pcall('HGETALL', timings)
if stored.err then return end

local function is_sum(field) return field:sub(-6) == ':pages' or field:sub(-8) == ':seconds' end

local sums = {}
local fade = math.exp(-took_s / (window_s * math.max(1, redis.call('SCARD', worker_names))))
for i = 1, #stored, 2 do
  local field, sum = stored[i], tonumber(stored[i + 1])
  -- Others can write to Redis, too: a value that is no plausible number counts as 0.
  if is_sum(field) then sums[field] = (sum and sum >= 0 and sum < 1e15) and sum * fade or 0 end
end
for i = first_increment, #ARGV, 3 do
  local name, pages, seconds = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  sums[name .. ':pages'] = (sums[name .. ':pages'] or 0) + pages
  sums[name .. ':seconds'] = (sums[name .. ':seconds'] or 0) + seconds
end
for field, sum in pairs(sums) do redis.call('HSET', timings, field, string.format('%.9g', sum)) end
