-- Erasures of what came in for a tenant: asked for once, done in pieces, and never half done and forgotten.
create table inbound_erasures (
  id text primary key,
  tenant_id text not null,
  -- What was received before this moment goes; what comes later is new.
  until timestamptz not null,
  requested_by text not null,
  requested_at timestamptz not null default now(),
  requests bigint not null default 0,
  events bigint not null default 0,
  published bigint not null default 0,
  finished_at timestamptz
);

create index inbound_erasures_open on inbound_erasures (requested_at) where finished_at is null;
create index inbound_erasures_by_tenant on inbound_erasures (tenant_id, requested_at desc);
