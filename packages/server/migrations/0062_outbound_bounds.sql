-- What an endpoint is judged by before it is disabled for failing: time that is covered by attempts, and more than one
-- delivery. Null and empty where a node of the version before has written: then they begin anew.
alter table delivery_lanes
  -- The last failure since the last success.
  add column failed_at timestamptz,
  -- From the first failure to the last, long pauses without an attempt counted in part only.
  add column failing_ms bigint not null default 0,
  -- The first few different deliveries that failed.
  add column failed_deliveries text[] not null default '{}';

-- Counting what a bulk operation will do ends somewhere: then `total` is the least it can be.
alter table resends add column total_exact boolean not null default true;
