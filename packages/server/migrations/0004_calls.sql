-- What became of calls to vendors: every failure, and a sample of successes. One partition a day (UTC), so that
-- retention drops tables and never deletes rows.

create table calls (
  -- The id begins with the same millisecond, so that one id leads to one partition.
  at timestamptz not null,
  id text not null,
  request_id text not null,
  tenant_id text,
  account_id text,
  connector_id text,
  connector_version integer,
  surface text not null check (surface in ('proxy', 'passthrough', 'unified')),
  resource text,
  method text not null,
  status integer not null,
  outcome text not null check (outcome in ('success', 'failure', 'aborted')),
  origin text check (origin in ('caller', 'account', 'platform', 'upstream')),
  code text,
  reason text,
  upstream_status integer,
  upstream_us bigint not null,
  total_us bigint not null,
  request_bytes bigint not null,
  response_bytes bigint not null,
  sampled boolean not null,
  -- Request and answer, bounded, secrets masked before they come here.
  evidence jsonb,
  primary key (at, id)
) partition by range (at);

create index calls_by_tenant on calls (tenant_id, at desc, id desc);
create index calls_by_account on calls (account_id, at desc, id desc);
create index calls_by_request on calls (request_id);
create index calls_not_good on calls (at desc, id desc) where outcome <> 'success';

-- Catches rows of days whose partition is not there; the retention job makes partitions days ahead.
create table calls_default partition of calls default;
