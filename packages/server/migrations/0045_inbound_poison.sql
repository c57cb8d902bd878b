-- What a process had begun and did not end, so that content which ends processes is found, and put aside with its reason.

-- One row a lane, for good: which process splits requests of it, up to which one. Written beside the transaction that
-- splits, and taken back in it: a mark of a process that is gone stays.
create table inbound_split_marks (
  lane smallint primary key,
  -- Null: nothing is begun.
  owner text,
  through_seq bigint not null default 0
);
insert into inbound_split_marks (lane) select lane from inbound_lanes;
alter table inbound_split_marks set (fillfactor = 10);

-- Processes that have begun to split this request by itself.
alter table inbound_queue add column tried_by text[] not null default '{}';

-- How often a process that had taken this did not come to an end with it.
alter table inbound_work add column lost integer not null default 0;
create index inbound_work_lost on inbound_work (seq) where lost > 0;

alter table inbound_tasks add column lost integer not null default 0;
