-- Half of what writing an event costs is its indexes. Events of one millisecond are few, so ids need not stand in the
-- indexes that only order by time.
drop index inbound_events_by_account;
drop index inbound_events_by_tenant;
drop index inbound_events_not_done;
create index inbound_events_by_account on inbound_events (account_id, received_at desc);
create index inbound_events_by_tenant on inbound_events (tenant_id, received_at desc);
create index inbound_events_not_done on inbound_events (state, received_at desc) where state in ('pending', 'dead');
