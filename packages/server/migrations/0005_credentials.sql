-- The queue of refreshes, what became of each, and how early vendors end their tokens.

-- Copied from the account (it never changes), so that the queue of one connector is one range of an index.
alter table credentials add column connector_id text;
update credentials c set connector_id = a.connector_id from accounts a where a.id = c.account_id;
alter table credentials alter column connector_id set not null;

-- A request with this refresh token may have been acted on by the vendor without its answer being stored. Where a
-- token can be used once only, it is then not sent again while the access token still serves.
alter table credentials add column in_doubt_since timestamptz;

-- The head of each connector's queue is found, and taken, by probes of this index, whatever its size.
drop index credentials_refresh_due;
create index credentials_refresh_queue on credentials (connector_id, refresh_due_at) where refresh_due_at is not null and slot = 'current';
-- Refreshes under way on all nodes, which a connector's max_concurrent limits.
create index credentials_leased on credentials (connector_id, lease_until) where lease_until is not null;

-- The rows of a queue change all the time: dead ones must not pile up at its head.
alter table credentials set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- One row a credential version and outcome, however often it came; the newest versions of each account are kept.
create table credential_events (
  account_id text not null references accounts (id) on delete cascade,
  -- The version that was tried; of `granted` and `refreshed` the one that came.
  version bigint not null,
  outcome text not null check (outcome in ('granted', 'refreshed', 'failed', 'held', 'refused', 'ended_early')),
  actor text not null,
  attempts integer not null default 1,
  first_at timestamptz not null default now(),
  at timestamptz not null default now(),
  -- In the vendor's words where there are any; free of secrets.
  message text,
  expires_at timestamptz,
  next_due_at timestamptz,
  primary key (account_id, version, outcome)
);

-- Tokens that were refused before their stated end, proven by a call that passed with the next one.
create table token_drift (
  id bigint generated always as identity primary key,
  connector_id text not null,
  account_id text not null references accounts (id) on delete cascade,
  tenant_id text not null,
  credential_version bigint not null,
  expected_at timestamptz not null,
  failed_at timestamptz not null,
  drift_s integer not null,
  lifetime_s integer,
  unique (account_id, credential_version)
);

create index token_drift_by_connector on token_drift (connector_id, failed_at);
create index token_drift_by_time on token_drift (failed_at);
