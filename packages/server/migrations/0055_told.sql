-- Budgets as findings of the alerts room, and whom roles stand for.

-- Whose fault most of what burned was when the alert fired: it joins the failures of that kind.
alter table burn_alerts add column origin text not null default 'platform' check (origin in ('platform', 'upstream'));

-- A mode that has expired because nothing of what it was judged by is in the window any more has no share to show.
alter table budget_mode_changes alter column remaining_percent drop not null;

-- Alerts of whole budgets were written by the objectives room as if another system had told of them. They are judged like
-- the others now: those that go on are found again, under the same key or a new one, and the others end.
update alerts set source = 'evenkeel' where source = 'external' and state = 'firing' and (key like 'burn-rate %' or key like 'budget-mode %');

-- What a role was told of an alert: one row for each channel of the role. A role that nobody stands for has a row as well.
create table role_notices (
  id text primary key,
  alert_id text not null references alerts (id) on delete cascade,
  role text not null,
  status text not null check (status in ('firing', 'resolved')),
  -- The severity at the time, and for modes of many budgets the hour: a role is told of each once.
  round text not null,
  channel text not null check (channel in ('mail', 'webhook', 'none')),
  -- Empty for none.
  address text not null,
  state text not null check (state in ('pending', 'sent', 'failed', 'passed', 'unaddressed')),
  attempts integer not null default 0,
  -- Why it failed, or why there was nothing to tell any more.
  detail text,
  queued_at timestamptz not null default now(),
  settled_at timestamptz,
  unique (alert_id, role, status, round, channel, address),
  check ((state = 'pending') = (settled_at is null))
);
