-- Alerts: what was found, whom it meets, what is kept quiet, and whom to tell.

create table alerts (
  id text primary key,
  -- The cause; one alert is open for each.
  key text not null,
  -- evenkeel: found by the rules here. external: told by another system.
  source text not null default 'evenkeel' check (source in ('evenkeel', 'external')),
  scope text not null check (scope in ('platform', 'connector', 'account', 'tenant', 'endpoint', 'installation')),
  severity text not null check (severity in ('P1', 'P2', 'P3')),
  title text not null,
  runbook text,
  origin text check (origin in ('caller', 'account', 'platform', 'upstream')),
  connector_id text,
  account_id text,
  tenant_id text,
  endpoint text,
  state text not null default 'firing' check (state in ('firing', 'resolved')),
  -- The rules that tell of it, with the figures of each.
  findings jsonb not null,
  -- The end of the minute that made it fire, and of the one that ended it.
  opened_at timestamptz not null,
  updated_at timestamptz not null,
  resolved_at timestamptz,
  -- The alert that tells of this cause since.
  joined_into text references alerts (id),
  check ((state = 'resolved') = (resolved_at is not null))
);

create unique index alerts_open on alerts (source, key) where state = 'firing';
create index alerts_by_time on alerts (opened_at desc, id desc);
create index alerts_by_connector on alerts (connector_id, opened_at desc) where connector_id is not null;

-- Everyone an alert has met while it lasted.
create table alert_accounts (
  alert_id text not null references alerts (id) on delete cascade,
  account_id text not null,
  tenant_id text,
  since timestamptz not null,
  primary key (alert_id, account_id)
);

create index alert_accounts_by_account on alert_accounts (account_id);
create index alert_accounts_by_tenant on alert_accounts (tenant_id) where tenant_id is not null;

-- How far the minutes are judged; written in the transaction of what the minute changed, so that each counts once.
create table alert_evaluation (
  only_one boolean primary key default true check (only_one),
  minute timestamptz not null,
  -- Of token_drift: rows up to this one were taken in.
  drift_id bigint not null default 0
);

-- What is kept quiet. It always ends.
create table alert_silences (
  id text primary key,
  -- Each stated field must equal the alert's: {"connector": …, "account_id": …, "tenant_id": …, "rule": …, "severity": …}.
  matchers jsonb not null,
  reason text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check (expires_at > created_at)
);

create index alert_silences_in_force on alert_silences (expires_at);
