-- When the record in an event was erased: nothing of it is sent any more, whatever is asked for.
alter table events add column erased_at timestamptz;
