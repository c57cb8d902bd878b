-- An installation begins within a minute. That minute was taken as the first one, and as downtime, since it was not measured.
update objective_progress p set first_minute = (select min(minute) from objective_coverage where measured_minutes > 0)
where exists (select 1 from objective_coverage c where c.minute = p.first_minute and c.measured_minutes = 0);
