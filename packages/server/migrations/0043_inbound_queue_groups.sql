-- A place in the queue is a group of requests that were stored together: one row in place of dozens to write, to find
-- and to take away again.
alter table inbound_queue add column request_ids text[];
update inbound_queue set request_ids = array[request_id];
alter table inbound_queue
  alter column request_ids set not null,
  add check (cardinality(request_ids) > 0),
  drop column request_id,
  -- The ids begin with it.
  drop column received_at;
-- Places are looked for lane by lane, and named by both.
drop index inbound_queue_by_lane;
alter table inbound_queue drop constraint inbound_queue_pkey;
alter table inbound_queue add primary key (lane, seq);
