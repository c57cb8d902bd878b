-- Rotation of the master key: what each key is there for, which node knows which, and no writing under a retired one.

alter table vault_keys
  -- standby: known to a node, seals nothing yet. in_use: seals. retiring: opens what it sealed until that is re-encrypted.
  -- retired: nothing is sealed with it any more.
  add column state text not null default 'in_use' check (state in ('standby', 'in_use', 'retiring', 'retired')),
  add column promoted_at timestamptz,
  add column promoted_by text,
  -- How many records stood under other keys when this one was promoted.
  add column to_reseal bigint,
  -- Of those, how many the last pass could not open. They keep their key from being retired.
  add column unreadable bigint not null default 0,
  add check ((state = 'retired') = (retired_at is not null));

alter table vault_keys alter column state drop default;
drop index vault_keys_one_in_use;
create unique index vault_keys_one_in_use on vault_keys ((true)) where state = 'in_use';

-- Nodes that are up. A key is promoted when all of them know it, and retired when all of them seal with another.
create table vault_nodes (
  node_id text primary key,
  key_ids text[] not null,
  -- The one configured to seal (EVENKEEL_MASTER_KEY); it seals once it is promoted.
  master_key_id text not null,
  sealing_with text not null,
  sealing_since timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);

-- Bytes 2 to 9 of an envelope name its key.
alter table oauth_states add column key_id text not null generated always as (encode(substring(sealed from 2 for 8), 'hex')) stored;

-- A node that slept through a rotation must not write what nobody will be able to read.
create function refuse_retired_key() returns trigger language plpgsql as $$
declare
  sealed_with text := encode(substring(new.sealed from 2 for 8), 'hex');
begin
  if exists (select from vault_keys where key_id = sealed_with and state = 'retired') then
    raise exception 'master key % is retired: nothing may be sealed with it any more', sealed_with
      using hint = 'Restart the node that wrote this with the master key in use.';
  end if;
  return new;
end
$$;

create trigger refuse_retired_key before insert or update of sealed on credentials for each row execute function refuse_retired_key();
create trigger refuse_retired_key before insert or update of sealed on connector_apps for each row execute function refuse_retired_key();
create trigger refuse_retired_key before insert or update of sealed on oauth_states for each row execute function refuse_retired_key();

-- Until when the client secret that was replaced is still tried; null when it is not kept.
alter table connector_apps add column previous_secret_until timestamptz;
