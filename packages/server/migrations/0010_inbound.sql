-- Webhooks of vendors on their way in: what was received, what is to be done with it, and what became of it.

-- Where vendors send to: one address an account, or one for the installation's app at the vendor.
create table inbound_addresses (
  id text primary key,
  connector_id text not null,
  -- Null: of the app; each of its events names its account.
  account_id text references accounts (id),
  -- SHA-256 of the token in the address. It routes and authenticates nothing.
  token_hash bytea not null unique,
  -- {token, secret}: the token to show the address again, and what handshakes and registrations captured.
  sealed bytea not null,
  key_id text not null generated always as (encode(substring(sealed from 2 for 8), 'hex')) stored,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  -- Nothing is taken any more; the row stays so that the vendor is told so (410) instead of that nothing was ever here.
  closed_at timestamptz
);

create unique index inbound_addresses_by_owner on inbound_addresses (connector_id, coalesce(account_id, ''));
create index inbound_addresses_by_key on inbound_addresses (key_id);
create trigger refuse_retired_key before insert or update of sealed on inbound_addresses for each row execute function refuse_retired_key();

-- How an event of an app finds its account.
create index accounts_by_external on accounts (connector_id, external_id) where deleted_at is null;

-- Requests as they came, committed before they are acknowledged and never changed. One partition a day (UTC).
create table inbound_requests (
  -- By the clock of the node; the id begins with the same millisecond, so that one id leads to one partition.
  received_at timestamptz not null,
  id text not null,
  source text not null check (source in ('webhook', 'pull', 'backfill')),
  connector_id text not null,
  connector_version integer not null,
  address_id text,
  -- Of addresses of an account, of pulls and of backfills.
  account_id text,
  tenant_id text,
  method text not null,
  -- As received, without its "?"; the path is the address and holds the token.
  query text not null,
  -- Header lines as received, "Name: value" and CRLF, in ISO 8859-1. Values that are credentials themselves are masked.
  headers bytea not null,
  body bytea not null,
  -- Which rule held, and whether event ids are covered by the signature.
  verification json not null,
  primary key (received_at, id)
) partition by range (received_at);

create table inbound_requests_default partition of inbound_requests default;

-- Requests that are not yet split into events. Rows live for milliseconds.
create table inbound_queue (
  seq bigint generated always as identity primary key,
  -- Requests of one lane are split one after another, by one worker at a time.
  lane smallint not null,
  received_at timestamptz not null,
  request_id text not null,
  bytes integer not null
);

create index inbound_queue_by_lane on inbound_queue (lane, seq);
alter table inbound_queue set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Locked by the worker that splits a lane's requests; never changed.
create table inbound_lanes (lane smallint primary key);
insert into inbound_lanes select generate_series(0, 7);

-- What tells an event from its repetition, for as many days as a vendor may repeat it.
create table inbound_event_keys (
  -- SHA-256 over connector, account or address, and the vendor's id of the event (or a hash of it where there is none).
  key bytea primary key,
  event_id text not null,
  seen_at timestamptz not null default now(),
  duplicates integer not null default 0,
  duplicate_at timestamptz
);

create index inbound_event_keys_by_time on inbound_event_keys (seen_at);

-- One row an event. One partition a day, by the time of its request.
create table inbound_events (
  received_at timestamptz not null,
  id text not null,
  request_id text not null,
  -- Where it stands in its request; -1: of a request that could not be read.
  position integer not null,
  source text not null,
  connector_id text not null,
  address_id text,
  account_id text,
  tenant_id text,
  type text,
  vendor_event_id text,
  -- False: the id stands where no signature covers it.
  id_signed boolean not null,
  dedupe_key bytea not null,
  order_key bytea,
  occurred_at timestamptz,
  state text not null check (state in ('pending', 'processed', 'ignored', 'dead')),
  -- Why it is ignored or dead, or why it is tried again; free of secrets.
  reason text,
  attempts integer not null default 0,
  -- What was published for it, also by replays; newest last.
  published text[] not null default '{}',
  unified_type text,
  processed_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (received_at, id)
) partition by range (received_at);

create index inbound_events_by_account on inbound_events (account_id, received_at desc, id desc);
create index inbound_events_by_tenant on inbound_events (tenant_id, received_at desc, id desc);
create index inbound_events_not_done on inbound_events (state, received_at desc, id desc) where state in ('pending', 'dead');
create index inbound_events_by_request on inbound_events (request_id);

create table inbound_events_default partition of inbound_events default;

-- Events that wait: for a record to be fetched, for an earlier event of their object, or for their next attempt.
create table inbound_work (
  seq bigint generated always as identity primary key,
  received_at timestamptz not null,
  event_id text not null,
  connector_id text not null,
  account_id text,
  -- Events with the same key are worked on one after another, in the order of seq.
  order_key bytea,
  -- Of a replay: the event had been worked on before.
  replayed boolean not null default false,
  replay_id text,
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  lease_owner text,
  lease_until timestamptz,
  lease_fence bigint not null default 0
);

create index inbound_work_due on inbound_work (due_at, seq);
create index inbound_work_order on inbound_work (order_key, seq) where order_key is not null;
create index inbound_work_by_account on inbound_work (account_id, due_at);
-- An event waits once, however often it is replayed meanwhile.
create unique index inbound_work_by_event on inbound_work (event_id);
alter table inbound_work set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Standing tasks of accounts: subscriptions at the vendor, pulls, backfills. Each has at most one worker at a time.
create table inbound_tasks (
  account_id text not null references accounts (id),
  kind text not null check (kind in ('subscription', 'pull', 'backfill')),
  name text not null,
  connector_id text not null,
  tenant_id text not null,
  state text not null default 'starting' check (state in ('starting', 'active', 'failing', 'done', 'removed')),
  -- Null: nothing is to be done.
  due_at timestamptz default now(),
  -- Where a pull or a backfill goes on from, and what a registration captured (free of secrets).
  progress jsonb not null default '{}',
  pages bigint not null default 0,
  records bigint not null default 0,
  -- Of a subscription, by the vendor.
  expires_at timestamptz,
  -- Of a subscription: how often it was found missing or disabled and made anew.
  recreated integer not null default 0,
  failures integer not null default 0,
  last_error text,
  started_at timestamptz not null default now(),
  succeeded_at timestamptz,
  finished_at timestamptz,
  lease_owner text,
  lease_until timestamptz,
  lease_fence bigint not null default 0,
  primary key (account_id, kind, name)
);

create index inbound_tasks_due on inbound_tasks (due_at) where due_at is not null;

-- Replays: which events are to be worked on once more, and how far that has come.
create table inbound_replays (
  id text primary key,
  tenant_id text,
  criteria jsonb not null,
  requested_by text not null,
  created_at timestamptz not null default now(),
  total bigint not null,
  queued bigint not null default 0,
  -- The last event queued; the next chunk goes on behind it.
  after_at timestamptz,
  after_request text,
  after_position integer,
  after_id text,
  finished_at timestamptz
);

create index inbound_replays_open on inbound_replays (created_at) where finished_at is null;
create index inbound_work_of_replay on inbound_work (replay_id) where replay_id is not null;
