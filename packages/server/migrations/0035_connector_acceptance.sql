-- By which rules a version was last checked and found without a fault: while they are this release's own, a start
-- need not check it again. Null: not known.

alter table connector_versions add column accepted_by bytea;
