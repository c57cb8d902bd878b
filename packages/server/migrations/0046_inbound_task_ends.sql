-- A backfill that cannot get on is given up with its reason, instead of being tried for ever.
alter table inbound_tasks drop constraint inbound_tasks_state_check;
alter table inbound_tasks add constraint inbound_tasks_state_check check (state in ('starting', 'active', 'failing', 'failed', 'done', 'removed'));
