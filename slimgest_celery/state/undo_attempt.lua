-- Subtract one attempt at a page range, if any was counted.
-- Delete the field at zero: every job gets one attempt, and a stored zero for each would waste memory.
local attempts = KEYS[1]
local page_range = ARGV[1]

if redis.call('HEXISTS', attempts, page_range) == 1 and redis.call('HINCRBY', attempts, page_range, -1) < 1 then
  redis.call('HDEL', attempts, page_range)
end
