-- Recovering makes deliveries of events that had none: it needs the events of one tenant without reading all others', and
-- the object whose order the event belongs to, or what is recovered could overtake, and be overtaken by, newer events.

alter table events add column order_key text;
create index events_by_tenant on events (tenant_id, id) where tenant_id is not null;
