-- Publish an event of a job: add an entry to the job's stream, and send a message on the channel of the same name.
-- Both happen in one step, so that every subscriber that sees an id can replay from it.
-- Returns the event's id, or false if the event was already published or belongs to an earlier run of the job.
--
-- A page is published once, and again if a retry turned it from failed to ok. Its counts are those of this moment.
-- The end is published by the process that marks the job as ended. The script does both, so that of two processes that
-- end a job only one publishes the end, and none publishes the end of a run that a retry has replaced.
local stream, done_pages, failed_pages, job, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local type = ARGV[1]
local data = ARGV[2]            -- a JSON object without its closing brace
local page_text = ARGV[3]       -- for a page: a further JSON member, which is sent and not stored; else ''
local page_number = ARGV[4]     -- '' if the event is not about a page
local page_failed = tonumber(ARGV[5])  -- 1 or 0
local ttl_s = ARGV[6]
local retry_count = ARGV[7]     -- of the job, for its end; else ''
local first_increment = 8       -- in ARGV: a field of `counts`, its increment, the next field …

if retry_count ~= '' and (redis.call('HGET', job, 'run') or '0') ~= retry_count then return false end

if page_number ~= '' then
  if redis.call('HEXISTS', job, 'ended') == 1 then return false end
  local was_done = redis.call('SETBIT', done_pages, page_number, 1)
  local had_failed = redis.call('GETBIT', failed_pages, page_number)
  -- While no page fails, there is no bitmap of failed pages.
  if had_failed ~= page_failed then redis.call('SETBIT', failed_pages, page_number, page_failed) end
  if was_done == 1 and had_failed == page_failed then return false end
  data = data .. ',"pages_done":' .. redis.call('BITCOUNT', done_pages)
  data = data .. ',"pages_failed":' .. redis.call('BITCOUNT', failed_pages)
  redis.call('EXPIRE', done_pages, ttl_s)
  redis.call('EXPIRE', failed_pages, ttl_s)
elseif type == 'start' then
  if redis.call('HSETNX', job, 'started', 1) == 0 then return false end
elseif redis.call('HSETNX', job, 'ended', 1) == 0 then
  return false
end
redis.call('EXPIRE', job, ttl_s)

local id = redis.call('XADD', stream, '*', 'type', type, 'data', data .. '}')
redis.call('EXPIRE', stream, ttl_s)
redis.call('PUBLISH', stream, '{"type":"' .. type .. '","id":"' .. id .. '","data":' .. data .. page_text .. '}}')

-- The metrics count an event exactly as often as it is published. A count that Redis refuses does not stop the event.
for i = first_increment, #ARGV, 2 do
  local field, increment = ARGV[i], ARGV[i + 1]
  redis.pcall('HINCRBY', counts, field, increment)
end
return id
