-- Accounts, their credentials, how they came to be and what happened to them.

-- Which master keys have sealed something here. The canary tells a wrong key at start, before anything is touched.
create table vault_keys (
  key_id text primary key,
  canary bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

-- One key seals at a time; two nodes starting on an empty database cannot both register theirs.
create unique index vault_keys_one_in_use on vault_keys ((true)) where retired_at is null;

create table accounts (
  id text primary key,
  tenant_id text not null references tenants (id),
  connector_id text not null,
  scheme_id text not null,
  state text not null check (state in ('connecting', 'active', 'needs_reauth', 'validation_error', 'post_install_error')),
  state_since timestamptz not null default now(),
  -- Why the account is not active, for its owner; free of secrets.
  message text,
  config jsonb not null default '{}',
  captured jsonb not null default '{}',
  external_id text,
  label text,
  missing_scopes text[] not null default '{}',
  -- New credentials were taken since the refusal that led to needs_reauth: the next success reactivates.
  regranted boolean not null default false,
  -- Validation and post-install steps are owed from this moment on; null when nothing is owed. A lease as on
  -- credentials keeps two nodes from running them at once, and lets another node resume after a crash.
  setup_due_at timestamptz,
  setup_attempts integer not null default 0,
  setup_done text[] not null default '{}',
  setup_owner text,
  setup_until timestamptz,
  setup_fence bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- A deleted account keeps its row, so that its history stays readable; its credentials are gone.
  deleted_at timestamptz
);

create index accounts_by_tenant on accounts (tenant_id, id desc) where deleted_at is null;
create index accounts_by_connector on accounts (connector_id, state, id desc) where deleted_at is null;
create index accounts_by_state on accounts (state, id desc) where deleted_at is null;
create index accounts_setup_due on accounts (setup_due_at) where setup_due_at is not null and deleted_at is null;

-- One envelope an account, and one more while re-authorisation of a working account is being tried (candidate).
create table credentials (
  account_id text not null references accounts (id) on delete cascade,
  slot text not null default 'current' check (slot in ('current', 'candidate')),
  -- Compared and swapped: a write names the version it read.
  version bigint not null default 1,
  sealed bytea not null,
  key_id text not null references vault_keys (key_id),
  -- Of a candidate: the form's fields, which become the account's config when it is taken.
  config jsonb,
  captured jsonb,
  scheme_id text,
  granted_at timestamptz not null default now(),
  refreshed_at timestamptz,
  expires_at timestamptz,
  -- When the scheduler refreshes; null when it never does.
  refresh_due_at timestamptz,
  refresh_failures integer not null default 0,
  -- Not before this moment: the backoff after a transient failure, shared by all nodes.
  refresh_retry_at timestamptz,
  refresh_error text,
  -- The lease of the one who refreshes. A write must name the fence it was given: whoever stalled past his lease fails.
  lease_owner text,
  lease_until timestamptz,
  lease_fence bigint not null default 0,
  primary key (account_id, slot)
);

create index credentials_refresh_due on credentials (refresh_due_at) where refresh_due_at is not null and slot = 'current';
create index credentials_by_key on credentials (key_id, account_id);

-- What is sent out. Written in the transaction of what it tells of.
create table events (
  id text primary key,
  tenant_id text not null references tenants (id),
  account_id text,
  type text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

create index events_by_account on events (account_id, id) where account_id is not null;

create table account_transitions (
  seq bigint generated always as identity primary key,
  id text not null unique,
  account_id text not null references accounts (id),
  tenant_id text not null,
  from_state text,
  -- Null: deleted.
  to_state text,
  cause text not null,
  actor text not null,
  evidence jsonb not null default '{}',
  event_id text not null unique references events (id),
  at timestamptz not null default now()
);

create index account_transitions_by_account on account_transitions (account_id, seq desc);

create table connect_sessions (
  id text primary key,
  -- SHA-256 of the token in the link; the token itself is nowhere stored.
  token_hash bytea not null unique,
  tenant_id text not null references tenants (id),
  connector_id text not null,
  scheme_id text not null,
  -- The account to re-authorise, or the one this session made.
  account_id text references accounts (id),
  reauthorises boolean not null default false,
  return_url text,
  created_by text not null,
  -- submitted: credentials were taken once, the session can only show what became of them (and correct a failure).
  status text not null default 'open' check (status in ('open', 'submitted')),
  -- The non-secret fields last entered, to show them again.
  fields jsonb not null default '{}',
  notice text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create index connect_sessions_expiry on connect_sessions (expires_at);

-- One a redirect to a vendor's consent page. Used once, by the browser that was sent there.
create table oauth_states (
  state_hash bytea primary key,
  session_id text not null references connect_sessions (id) on delete cascade,
  browser_hash bytea not null,
  -- PKCE verifier and secret form fields.
  sealed bytea not null,
  config jsonb not null default '{}',
  redirect_uri text not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

create index oauth_states_expiry on oauth_states (expires_at);
