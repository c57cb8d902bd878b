-- How fast refreshes are begun by all nodes together, and finding those that fail without a look at all.

-- A bucket of tokens, one row. What it holds is worth a quarter of a second: it need not outlive a crash, and without
-- WAL taking from it costs no flush.
create unlogged table refresh_pace (
  one boolean primary key default true check (one),
  tokens double precision not null,
  -- The last taking got so many.
  granted integer not null,
  filled_at timestamptz not null
);

create index credentials_failing on credentials (connector_id, expires_at) where refresh_failures > 0 and refresh_due_at is not null and slot = 'current';
