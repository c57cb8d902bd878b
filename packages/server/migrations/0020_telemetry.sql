-- Counting of calls, refreshes, inbound events and deliveries: by node and second, sealed to minutes, rolled up to hours.

-- One value for a combination with nulls: PostgreSQL uses no index for "is not distinct from".
create function telemetry_series_key(kind text, surface text, tenant_id text, account_id text, connector_id text, category text, endpoint text, vendor_endpoint text)
returns uuid language sql immutable parallel safe
return md5(kind || e'\x1f' || surface || e'\x1f' || coalesce(tenant_id, e'\x1e') || e'\x1f' || coalesce(account_id, e'\x1e') || e'\x1f'
  || coalesce(connector_id, e'\x1e') || e'\x1f' || coalesce(category, e'\x1e') || e'\x1f' || coalesce(endpoint, e'\x1e') || e'\x1f'
  || coalesce(vendor_endpoint, e'\x1e'))::uuid;

-- Whose counts: one row for each combination that ever occurred. A null is "not known" or "all the others".
create table telemetry_series (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('call', 'refresh', 'inbound', 'delivery')),
  -- proxy, passthrough, unified; external for what a team's own integrations report; else what the kind calls it.
  surface text not null,
  tenant_id text,
  account_id text,
  connector_id text,
  category text,
  -- <resource>.<method>, crm.contacts.list, an event type, an outbound endpoint's id; 'other' beyond the bound on series.
  endpoint text,
  -- The vendor's operation behind a unified endpoint.
  vendor_endpoint text,
  first_seen_at timestamptz not null default now(),
  key uuid not null unique generated always as (telemetry_series_key(kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint)) stored
);

create index telemetry_series_by_tenant on telemetry_series (tenant_id, id) where tenant_id is not null;
create index telemetry_series_by_connector on telemetry_series (connector_id, id) where connector_id is not null;

-- What each node counted in each half second, also when it is nothing: that is its heartbeat. Gone once it is sealed.
create table telemetry_seconds (
  id bigint generated always as identity primary key,
  second timestamptz not null,
  node_id text not null,
  -- 0 and 1 are the halves of the second; null for late facts, which are no heartbeat and any number of which may come.
  part smallint check (part in (0, 1)),
  -- The node lived through the whole of this half.
  beat boolean not null,
  -- The node's last row before it ended of itself.
  last boolean not null default false,
  -- Counts of this half were lost on the node: it could not be written within the node's bounds.
  lost boolean not null default false,
  -- Packed by core/telemetry/counts-codec.ts.
  counts bytea not null,
  -- Writing again what may already be written adds nothing.
  unique (node_id, second, part)
);

create index telemetry_seconds_by_second on telemetry_seconds (second);

-- Nodes that have counted. One that vanished without `last` left up to a second of counts unwritten.
create table telemetry_nodes (
  node_id text primary key,
  started_at timestamptz not null default clock_timestamp(),
  -- Half seconds since the epoch of the last sealed row with a heartbeat.
  last_half bigint,
  stopped_at timestamptz,
  vanished_at timestamptz
);

-- A row is a sealed minute and never changes. A minute without a row whose later minutes are sealed was not covered.
create table telemetry_minutes (
  minute timestamptz primary key,
  seq bigint generated always as identity unique,
  sealed_at timestamptz not null default clock_timestamp(),
  -- Seconds in which at least one node lived.
  covered_seconds smallint not null check (covered_seconds between 0 and 60),
  -- Seconds in which counts of a node were lost. They are part of covered_seconds when another node lived.
  lost_seconds smallint not null check (lost_seconds between 0 and 60),
  -- Bit n: half second n of the minute was lived through by some node; so late heartbeats can be told from known ones.
  covered_halves bit(120) not null default repeat('0', 120)::bit(120)
);

create table minute_counts (
  minute timestamptz not null,
  series_id bigint not null,
  total integer not null default 0,
  -- total = success + caller + account + platform + upstream + aborted
  success integer not null default 0,
  caller integer not null default 0,
  account integer not null default 0,
  platform integer not null default 0,
  upstream integer not null default 0,
  aborted integer not null default 0,
  -- Failures answered with a status of 500 or more, by whom they are attributed to.
  platform_5xx integer not null default 0,
  upstream_5xx integer not null default 0,
  rate_limited integer not null default 0,
  -- Answered without a 5xx, but in 500 ms or more in total; own share of 500 ms or more.
  slow integer not null default 0,
  overhead_slow integer not null default 0,
  -- Failures by code: {"rate_limited": 3}.
  codes jsonb not null default '{}',
  -- Of microseconds, packed by core/telemetry/sketch.ts; null when nothing was measured. Aborted ones are in none.
  overhead_sketch bytea,
  total_sketch bytea,
  lag_sketch bytea,
  primary key (series_id, minute)
) partition by range (minute);

-- Rows come in the order of their minutes: a summary of blocks is enough to read some minutes of all series.
create index minute_counts_by_minute on minute_counts using brin (minute) with (pages_per_range = 16);

create table minute_counts_default partition of minute_counts default;

-- Facts that became known after their minute was sealed: to be added to it. Without a series they tell of coverage only.
create table minute_amendments (
  seq bigint generated always as identity primary key,
  minute timestamptz not null,
  series_id bigint,
  total integer not null default 0,
  success integer not null default 0,
  caller integer not null default 0,
  account integer not null default 0,
  platform integer not null default 0,
  upstream integer not null default 0,
  aborted integer not null default 0,
  platform_5xx integer not null default 0,
  upstream_5xx integer not null default 0,
  rate_limited integer not null default 0,
  slow integer not null default 0,
  overhead_slow integer not null default 0,
  codes jsonb not null default '{}',
  overhead_sketch bytea,
  total_sketch bytea,
  lag_sketch bytea,
  covered_seconds smallint not null default 0,
  lost_seconds smallint not null default 0,
  reason text not null,
  at timestamptz not null default clock_timestamp()
);

create index minute_amendments_by_minute on minute_amendments (minute);

create table telemetry_hours (
  hour timestamptz primary key,
  rolled_at timestamptz not null default clock_timestamp(),
  covered_seconds integer not null check (covered_seconds between 0 and 3600),
  lost_seconds integer not null,
  -- Amendments up to this one are in it.
  amended_to bigint not null
);

create table hour_counts (
  hour timestamptz not null,
  series_id bigint not null,
  total bigint not null default 0,
  success bigint not null default 0,
  caller bigint not null default 0,
  account bigint not null default 0,
  platform bigint not null default 0,
  upstream bigint not null default 0,
  aborted bigint not null default 0,
  platform_5xx bigint not null default 0,
  upstream_5xx bigint not null default 0,
  rate_limited bigint not null default 0,
  slow bigint not null default 0,
  overhead_slow bigint not null default 0,
  codes jsonb not null default '{}',
  overhead_sketch bytea,
  total_sketch bytea,
  lag_sketch bytea,
  primary key (series_id, hour)
) partition by range (hour);

create index hour_counts_by_hour on hour_counts using brin (hour) with (pages_per_range = 16);

create table hour_counts_default partition of hour_counts default;
