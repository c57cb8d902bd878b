-- Events that were made up for a test of one endpoint are told from real ones: nobody has missed them.

alter table events add column is_test boolean not null default false;
