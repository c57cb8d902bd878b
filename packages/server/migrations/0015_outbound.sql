-- Outbound webhooks: events, the endpoints they go to, and what became of each delivery.
-- Whatever grows is partitioned by day and leaves by dropping partitions. Rows are placed by their id, which begins with
-- the time it was made (identifier.ts): so the id alone is the key, and one look-up reads one partition. Ids compare by
-- bytes, hence the collation.

alter table account_transitions drop constraint account_transitions_event_id_fkey;
alter table events rename to events_unpartitioned;
alter table events_unpartitioned rename constraint events_pkey to events_unpartitioned_pkey;
drop index events_by_account;

create table events (
  id text collate "C" primary key,
  -- Null: of the installation, for endpoints that belong to no tenant.
  tenant_id text,
  account_id text,
  type text not null,
  -- json, not jsonb: kept byte for byte, so that it is sent as it was written, U+0000 and lone surrogates included.
  payload json not null,
  created_at timestamptz not null default now()
) partition by range (id);

create table events_default partition of events default;
create index events_by_account on events (account_id, id) where account_id is not null;

insert into events (id, tenant_id, account_id, type, payload, created_at)
select id, tenant_id, account_id, type, payload, created_at from events_unpartitioned;
drop table events_unpartitioned;

create table endpoints (
  id text primary key,
  -- Null: gets the events of every tenant, and those of the installation.
  tenant_id text references tenants (id),
  url text not null,
  description text not null default '',
  event_types text[] not null,
  -- event_types as patterns of LIKE, for the fan-out.
  type_patterns text[] not null,
  -- Deliveries a second; null: as fast as it answers.
  rate_limit integer check (rate_limit > 0),
  max_in_flight integer not null default 16 check (max_in_flight > 0),
  -- One at a time and in order for each object.
  ordered boolean not null default false,
  timeout_ms integer not null default 15000,
  -- Waits between attempts in ms; null: the default.
  retry_schedule_ms bigint[],
  contact_email text,
  header_names text[] not null default '{}',
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing')),
  -- Grows with every change: whoever holds an older one reads the endpoint anew before the next delivery.
  revision bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- A deleted endpoint keeps its row, so that its deliveries stay readable.
  deleted_at timestamptz,
  check ((disabled_at is null) = (disabled_reason is null))
);

create index endpoints_active on endpoints (tenant_id) where disabled_at is null and deleted_at is null;
create index endpoints_by_tenant on endpoints (tenant_id, id);

-- Signing keys, and the values of custom headers. Several keys sign while one is replaced.
create table endpoint_secrets (
  id text primary key,
  endpoint_id text not null references endpoints (id) on delete cascade,
  kind text not null check (kind in ('hmac', 'ed25519', 'headers')),
  sealed bytea not null,
  key_id text not null generated always as (encode(substring(sealed from 2 for 8), 'hex')) stored,
  created_at timestamptz not null default now(),
  -- Signs until then; null: until it is replaced.
  expires_at timestamptz
);

create index endpoint_secrets_by_endpoint on endpoint_secrets (endpoint_id);
create index endpoint_secrets_by_key on endpoint_secrets (key_id);
create unique index endpoint_secrets_one_set_of_headers on endpoint_secrets (endpoint_id) where kind = 'headers';
create trigger refuse_retired_key before insert or update of sealed on endpoint_secrets for each row execute function refuse_retired_key();

-- An endpoint's lane is worked by one node at a time: that makes its limits exact over all nodes. What the node must not
-- forget when it dies stands here.
create table delivery_lanes (
  endpoint_id text primary key references endpoints (id) on delete cascade,
  owner text,
  lease_until timestamptz,
  -- Failures in a row that make the endpoint look dead, and how often the breaker has opened since the last success.
  failures integer not null default 0,
  opened integer not null default 0,
  -- The first failure since the last success.
  failing_since timestamptz,
  -- Nothing but manual retries before this moment: the breaker is open, or the receiver asked to wait.
  resume_at timestamptz
) with (fillfactor = 50);

-- The id of the delivery of an event to an endpoint: the event's time, and a digest of the two.
create function delivery_id(event_id text, endpoint_id text) returns text language sql immutable parallel safe
return 'dlv_' || substr(event_id, 5, 10) || substr(encode(sha256(convert_to(event_id || ' ' || endpoint_id, 'UTF8')), 'hex'), 1, 16);

-- The queue: a row for each event and endpoint until it is delivered, failed or cancelled. Small, so not partitioned.
create table deliveries_open (
  -- Made of the event's and the endpoint's id: one delivery for the two, however often it is asked for.
  id text collate "C" primary key,
  endpoint_id text not null,
  event_id text collate "C" not null,
  event_type text not null,
  -- Of ordered endpoints: whose order is kept.
  order_key text,
  cause text not null default 'event' check (cause in ('event', 'retry', 'recover', 'resend', 'test')),
  accepted_at timestamptz not null default now(),
  -- The epoch: asked for by hand, before everything else.
  due_at timestamptz not null default now(),
  -- Position in the retry schedule; null: this attempt decides.
  step integer default 0,
  attempts integer not null default 0,
  -- Grows with every manual retry: one that comes while an attempt is under way is not lost.
  requested integer not null default 0,
  last_attempt_at timestamptz,
  last_status integer,
  last_error text
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

create index deliveries_open_due on deliveries_open (endpoint_id, due_at, id);
create index deliveries_open_by_endpoint on deliveries_open (endpoint_id, id);
create index deliveries_open_order on deliveries_open (endpoint_id, order_key, id) where order_key is not null;

create table deliveries_closed (
  id text collate "C" primary key,
  endpoint_id text not null,
  event_id text collate "C" not null,
  event_type text not null,
  order_key text,
  cause text not null,
  state text not null check (state in ('delivered', 'failed', 'cancelled')),
  -- Of failed and cancelled ones: why nothing more is tried.
  reason text,
  accepted_at timestamptz not null,
  closed_at timestamptz not null,
  attempts integer not null,
  last_attempt_at timestamptz,
  last_status integer,
  last_error text
) partition by range (id);

create table deliveries_closed_default partition of deliveries_closed default;
create index deliveries_closed_by_endpoint on deliveries_closed (endpoint_id, id);
create index deliveries_closed_undelivered on deliveries_closed (id) where state <> 'delivered';
create index deliveries_closed_undelivered_by_endpoint on deliveries_closed (endpoint_id, id) where state <> 'delivered';

create table delivery_attempts (
  id text collate "C" primary key,
  delivery_id text collate "C" not null,
  endpoint_id text not null,
  number integer not null,
  cause text not null,
  at timestamptz not null,
  duration_us bigint not null,
  succeeded boolean not null,
  status integer,
  -- Of failures: what kind, and in words.
  error text,
  message text,
  -- The first bytes of the answer.
  response_body bytea,
  response_truncated boolean not null default false,
  response_type text
) partition by range (id);

create table delivery_attempts_default partition of delivery_attempts default;
create index delivery_attempts_by_delivery on delivery_attempts (delivery_id, id);

-- Counted as results are written, so that statistics never read attempts.
create table delivery_counts (
  endpoint_id text not null,
  hour timestamptz not null,
  attempts bigint not null default 0,
  failed_attempts bigint not null default 0,
  delivered bigint not null default 0,
  failed bigint not null default 0,
  cancelled bigint not null default 0,
  duration_ms bigint not null default 0,
  -- From the event to its delivery, of the delivered ones.
  lag_ms bigint not null default 0,
  primary key (endpoint_id, hour)
) partition by range (hour);

create table delivery_counts_default partition of delivery_counts default;

-- Recovering and resending in bulk: how far it has come.
create table resends (
  id text primary key,
  endpoint_id text not null references endpoints (id),
  kind text not null check (kind in ('recover', 'resend')),
  filter jsonb not null,
  state text not null default 'running' check (state in ('running', 'done', 'cancelled')),
  total bigint not null,
  done bigint not null default 0,
  -- The last event looked at.
  position text collate "C" not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);

create index resends_by_endpoint on resends (endpoint_id, id desc);
