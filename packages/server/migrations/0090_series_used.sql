-- When a node last asked for the series, to the day: one that rests longer than any count is kept is removed.
alter table telemetry_series add column used_at timestamptz not null default now();
create index telemetry_series_by_use on telemetry_series (used_at);
