-- Which counts of which node are missing. A node whose rows wait for a slow database may die with them: how far its
-- counts are stored is its last row, and how long it lived is shown by a lock of its session (database/notifications.ts).

alter table telemetry_nodes
  -- It shows that it is there. One that does not (of an older version) is taken for dead when its rows stop.
  add column shown boolean not null default false,
  -- The half second since the epoch in which it was first missed; null while it is there.
  add column gone_half bigint;

-- Half seconds of a sealed minute in which counts of a node are missing. telemetry_minutes.lost_seconds, with its
-- amendments, counts the seconds in which any node's are.
create table telemetry_losses (
  minute timestamptz not null,
  node_id text not null,
  -- Not written yet, or never to be. What is written after all leaves this.
  missing bit(120) not null,
  -- Given up on the node, or not to be read.
  lost bit(120) not null,
  primary key (minute, node_id)
);

create index telemetry_losses_by_node on telemetry_losses (node_id, minute);
