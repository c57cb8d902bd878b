-- What refreshing has in common over all nodes: the pace now counts what calls need as well, the brake on a vendor that
-- fails, and up to which revision of its connector each due time is right.

-- A small part of the pace that calls cannot use up.
alter table refresh_pace add column reserved double precision not null default 0;

-- The brake of a connector (core accounts/refresh-brake.ts); no row: the last verdict of the vendor was one. A crash may
-- forget it: then it closes again after a few failures.
create unlogged table refresh_brakes (
  connector_id text primary key,
  failures integer not null,
  until_at timestamptz not null
);

-- A change of a connector may change when its tokens are due. `position`: how far its accounts have been looked at; null: to the end.
create table refresh_rules (
  connector_id text primary key,
  revision bigint not null,
  position text
);
