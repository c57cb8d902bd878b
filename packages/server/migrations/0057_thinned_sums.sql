-- Sums before this minute are kept by the quarter of an hour: no window ends between, and no late fact comes to them.
alter table objective_progress add column thinned_to integer;
