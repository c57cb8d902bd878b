-- By which rule an agreement's minutes were counted: whose they are, whose errors, above which share. When the playbook
-- says another one, they are counted anew. Null: counted before this was kept, by the rule that is found next.
alter table objective_counters add column counted_by text;
