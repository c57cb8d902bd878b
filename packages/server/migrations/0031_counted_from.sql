-- Counts by minute are dropped sooner than the list of sealed minutes. A counter that begins later must not take what is
-- gone for minutes in which nothing failed: before this minute it has seen nothing. Null: it has counted from the start.
alter table objective_counters add column counted_from integer;
