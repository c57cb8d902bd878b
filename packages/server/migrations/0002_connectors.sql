-- Connectors: every version of every manifest, which of them are in effect, and the installation's app at each vendor.

create table connectors (
  id text primary key,
  -- Null only inside the transaction that makes the first version.
  stable_version integer,
  -- A version on trial and its share of accounts.
  candidate_version integer,
  candidate_percent integer check (candidate_percent between 1 and 99),
  -- Grows with each change of what is in effect; nodes reload what is older, and If-Match compares it.
  revision bigint not null default 0,
  updated_at timestamptz not null default now(),
  check ((candidate_version is null) = (candidate_percent is null)),
  check (candidate_version <> stable_version)
);

-- Immutable. json, not jsonb: a manifest comes back as it was written.
create table connector_versions (
  connector_id text not null references connectors (id),
  version integer not null check (version > 0),
  manifest json not null,
  sha256 bytea not null,
  source text not null check (source in ('built_in', 'folder', 'api')),
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (connector_id, version)
);

alter table connectors
  add foreign key (id, stable_version) references connector_versions (connector_id, version),
  add foreign key (id, candidate_version) references connector_versions (connector_id, version);

-- What was in effect when, and who made it so.
create table connector_rollouts (
  connector_id text not null references connectors (id),
  revision bigint not null,
  action text not null check (action in ('put', 'load', 'rollout', 'rollback')),
  stable_version integer not null,
  candidate_version integer,
  candidate_percent integer,
  actor text not null,
  at timestamptz not null default now(),
  primary key (connector_id, revision)
);

-- OAuth client and other settings of the installation's app, sealed under the master key.
create table connector_apps (
  connector_id text primary key,
  sealed bytea not null,
  key_id text not null,
  -- Names of the fields that are set: shown, unlike their values.
  fields text[] not null,
  revision bigint not null default 1,
  updated_by text not null,
  updated_at timestamptz not null default now()
);
