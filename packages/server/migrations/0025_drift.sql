-- Shapes of vendors' answers and events, and the changes of them. Paths and types only: no value of a customer is in here.

create table shape_baselines (
  connector_id text not null,
  -- contacts.list, crm.contacts.list, or event:<type> for inbound events.
  endpoint text not null,
  -- The vendor's operation behind it.
  vendor_endpoint text not null,
  -- 2xx, 4xx …; event.
  status_class text not null,
  -- core/telemetry/drift.ts: what was learnt, and what was met since.
  state jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (connector_id, endpoint, status_class)
);

create table shape_changes (
  id text primary key,
  connector_id text not null,
  endpoint text not null,
  vendor_endpoint text not null,
  status_class text not null,
  path text not null,
  kind text not null check (kind in ('removed', 'added', 'type', 'null')),
  -- Of `type`: the one that is new.
  json_type text,
  class text not null check (class in ('breaking', 'warning', 'information')),
  -- open until somebody acknowledges it, which moves the baseline; passed when the shape came back by itself.
  state text not null default 'open' check (state in ('open', 'acknowledged', 'passed')),
  evidence jsonb not null,
  detected_at timestamptz not null default now(),
  ended_at timestamptz,
  ended_by text,
  note text
);

-- The same change is open once.
create unique index shape_changes_open on shape_changes (connector_id, endpoint, status_class, path, kind, coalesce(json_type, '')) where state = 'open';
create index shape_changes_by_time on shape_changes (detected_at desc, id desc);
