-- Who may call, and what was done.

create table tenants (
  id text primary key check (length(id) between 1 and 128),
  name text,
  created_at timestamptz not null default now()
);

create table api_keys (
  id text primary key,
  name text not null,
  -- SHA-256 of the key: keys are random and long, so a plain hash cannot be searched back.
  hash bytea not null unique,
  -- The first characters, to tell keys apart in a list.
  prefix text not null,
  scope text not null check (scope in ('read', 'write', 'admin')),
  -- A key with a tenant sees and moves only what belongs to that tenant.
  tenant_id text references tenants (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  tenant_id text,
  target text not null,
  request_id text not null,
  -- Filled when the act has ended; an entry without one tells of a process that died in the act.
  status integer
);

create index audit_log_at on audit_log (at desc, id desc);
