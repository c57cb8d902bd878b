-- Objectives and agreements: what sealed minutes add up to, what follows from it, and what people decide about it.
-- `minute` is a whole number of minutes since the epoch, as the arithmetic of core/objectives takes it.

-- What is counted, and how far. One row for each way of counting (an indicator, or an agreement), so that a new one
-- catches up with the minutes there are while the others go on.
create table objective_counters (
  id bigint generated always as identity primary key,
  key text not null unique,
  -- telemetry_minutes up to this seq are in it.
  minute_seq bigint not null default 0
);

-- One row: amendments up to this seq are in every counter; the minutes evaluated.
create table objective_progress (
  singleton boolean primary key default true check (singleton),
  amendment_seq bigint not null default 0,
  first_minute integer,
  last_minute integer
);
insert into objective_progress default values;

-- One counter in one scope: overall, a connector, a category, a tenant.
create table objective_tracks (
  id bigint generated always as identity primary key,
  counter_id bigint not null references objective_counters (id),
  scope_kind text not null check (scope_kind in ('overall', 'connector', 'category', 'tenant')),
  -- Empty for overall.
  scope_id text not null,
  -- The first minute with traffic: before it the scope did not exist.
  first_minute integer not null,
  unique (counter_id, scope_kind, scope_id)
);

-- Prefix sums: a row holds everything from the beginning to the end of its minute, so that any window is the difference
-- of two rows, however long it is. Minutes that add nothing have no row. A late fact moves the rows from its minute on.
create table objective_sums (
  track_id bigint not null references objective_tracks (id),
  minute integer not null,
  events bigint not null,
  bad bigint not null,
  platform bigint not null,
  upstream bigint not null,
  slow bigint not null,
  bad_minutes bigint not null,
  blind_minutes bigint not null,
  primary key (track_id, minute)
) with (fillfactor = 90);

-- The same for how much was measured; a minute without a row adds nothing.
create table objective_coverage (
  minute integer primary key,
  measured_minutes bigint not null,
  covered_seconds bigint not null,
  lost_seconds bigint not null
) with (fillfactor = 90);

create table unmeasured_minutes (minute integer primary key);

-- Mode and freshness of one objective in one scope.
create table objective_states (
  objective_id text not null,
  scope_kind text not null,
  scope_id text not null,
  mode text not null check (mode in ('normal', 'caution', 'restricted', 'critical', 'exhausted')),
  mode_since timestamptz not null,
  primary key (objective_id, scope_kind, scope_id)
);

create table budget_mode_changes (
  id text primary key,
  objective_id text not null,
  scope_kind text not null,
  scope_id text not null,
  from_mode text,
  to_mode text not null,
  -- The minute whose evaluation changed it, and what it saw.
  minute integer not null,
  total bigint not null,
  bad bigint not null,
  remaining_percent text not null,
  deploy_freeze text not null,
  notify text[] not null,
  incident text,
  actions text[] not null,
  event_id text not null,
  at timestamptz not null default now()
);

create index budget_mode_changes_by_objective on budget_mode_changes (objective_id, scope_kind, scope_id, id desc);

create table burn_alerts (
  id text primary key,
  objective_id text not null,
  scope_kind text not null,
  scope_id text not null,
  tier text not null,
  severity text not null,
  notify text[] not null,
  -- Minutes whose evaluation fired and ended it.
  fired_minute integer not null,
  resolved_minute integer,
  -- What was seen: bad and total over the long and the short window.
  long_bad bigint not null,
  long_total bigint not null,
  short_bad bigint not null,
  short_total bigint not null,
  fired_at timestamptz not null default now(),
  resolved_at timestamptz
);

create unique index burn_alerts_one_firing on burn_alerts (objective_id, scope_kind, scope_id, tier) where resolved_minute is null;
create index burn_alerts_newest on burn_alerts (id desc);

-- Agreements made by the API; those of the playbook's file are not here.
create table agreements (
  id text primary key,
  tenant_id text not null,
  definition jsonb not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Minutes in which more than the agreed share of a tenant's requests failed.
create table agreement_minutes (
  agreement_id text not null,
  minute integer not null,
  requests bigint not null,
  failed bigint not null,
  primary key (agreement_id, minute)
);

create table exclusions (
  id text primary key,
  agreement_id text not null,
  tenant_id text not null,
  clause text not null check (clause in ('maintenance', 'upstream', 'customer', 'force_majeure')),
  from_at timestamptz not null,
  to_at timestamptz not null,
  announced_at timestamptz,
  reason text not null,
  -- The calls as they were recorded when the exclusion was proposed: records are dropped sooner than disputes end.
  evidence jsonb not null,
  state text not null default 'proposed' check (state in ('proposed', 'approved', 'rejected')),
  proposed_by text not null,
  proposed_at timestamptz not null default now(),
  decided_by text,
  decided_at timestamptz,
  decision_note text,
  check (to_at > from_at),
  check ((state = 'proposed') = (decided_by is null))
);

create index exclusions_by_agreement on exclusions (agreement_id, from_at);
create index exclusions_by_tenant on exclusions (tenant_id, id desc);

-- Statements of closed months. One that changes (late facts, exclusions) gets a further revision; none is overwritten.
create table agreement_statements (
  agreement_id text not null,
  month text not null,
  revision integer not null,
  tenant_id text not null,
  statement jsonb not null,
  stated_at timestamptz not null default now(),
  primary key (agreement_id, month, revision)
);

create table gate_overrides (
  id text primary key,
  objective_id text not null,
  scope_kind text not null,
  scope_id text not null,
  reason text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create index gate_overrides_by_objective on gate_overrides (objective_id, scope_kind, scope_id, expires_at desc);

create table deployments (
  id text primary key,
  service text not null,
  version text not null,
  change text not null check (change in ('normal', 'critical', 'reliability')),
  description text,
  url text,
  deployed_at timestamptz not null,
  created_by text not null,
  created_at timestamptz not null default now()
);

create index deployments_by_time on deployments (deployed_at desc, id desc);

-- Changes of the mode of the whole installation's budget belong to no tenant.
alter table events alter column tenant_id drop not null;
