-- Changes to connectors' mappings in layers: of the installation, of a tenant, of an account; the narrower wins.

create table mapping_overrides (
  connector_id text not null,
  -- A unified model, such as crm.contacts.
  model text not null,
  layer text not null check (layer in ('installation', 'tenant', 'account')),
  -- The tenant or the account; empty for the installation.
  owner text not null,
  -- A JSON merge patch (RFC 7396). json, not jsonb: it comes back as it was written.
  patch json not null,
  revision bigint not null default 1,
  updated_by text not null,
  updated_at timestamptz not null default now(),
  primary key (connector_id, model, layer, owner),
  check ((layer = 'installation') = (owner = ''))
);
