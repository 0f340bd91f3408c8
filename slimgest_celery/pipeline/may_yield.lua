-- Decide whether a worker yields the rest of its task: returns 1 if so, else 0.
-- No more workers yield than messages wait, because each yield costs an extra task. `yielding` counts the workers that
-- yielded and have not yet received a message. The count expires after `pickup_ms`: by then they have received it.
local yielding = KEYS[#KEYS]
local queue_count = #KEYS - 1  -- the other keys are the lists of the queues
local pickup_ms = ARGV[1]

local waiting = 0
for i = 1, queue_count do
  local queue = KEYS[i]
  waiting = waiting + redis.call('LLEN', queue)
end
if waiting <= tonumber(redis.call('GET', yielding) or 0) then return 0 end
redis.call('INCR', yielding)
redis.call('PEXPIRE', yielding, pickup_ms)
return 1
