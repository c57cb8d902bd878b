/**
 * The installation's app at each vendor: OAuth client and the connector's app_fields, sealed as one envelope. Values
 * leave this room only to the engine; the API shows which fields are set.
 */
import { previousSecretField, previousUntilField } from '@evenkeel/core/accounts/client-secret-overlap.ts';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { channel } from './store.ts';

/** What this room needs of the vault. */
export interface Sealer {
  /** Names the master key in use; stored beside the envelope. */
  readonly keyId: string;
  sealJson(binding: { purpose: 'app'; subject: string }, value: unknown): Buffer;
  openJson(binding: { purpose: 'app'; subject: string }, envelope: Uint8Array): unknown;
}

export interface AppRow {
  readonly connectorId: string;
  readonly fields: readonly string[];
  readonly revision: number;
  readonly updatedAt: Date;
  /** Until when the client secret that was replaced is still tried; null when it is not kept. */
  readonly previousSecretUntil: Date | null;
}

type Settings = Readonly<Record<string, string>>;
const none: Settings = Object.freeze({});

export class AppSettings {
  readonly #database: Queryable;
  readonly #sealer: Sealer;
  /** Opened settings; a pending read that was overtaken by a change leaves the map with it. */
  readonly #opened = new Map<string, Promise<Settings>>();

  constructor(database: Queryable, sealer: Sealer) {
    this.#database = database;
    this.#sealer = sealer;
  }

  /** In memory after the first time, until a node changes it. */
  read(connectorId: string): Promise<Settings> {
    const known = this.#opened.get(connectorId);
    if (known !== undefined) return known;
    const reading = this.#open(connectorId);
    this.#opened.set(connectorId, reading);
    reading.catch(() => {
      if (this.#opened.get(connectorId) === reading) this.#opened.delete(connectorId);
    });
    return reading;
  }

  /** Of one connector, or of all. */
  forget(connectorId?: string): void {
    if (connectorId === undefined) this.#opened.clear();
    else this.#opened.delete(connectorId);
  }

  /**
   * Replaces everything set before. `expected`: the revision last seen, 0 for none. With `overlapUntil` the client secret
   * that is replaced is kept beside the new one until then; without, one that was kept is gone.
   */
  async write(connectorId: string, settings: Settings, context: { actor: string; expected?: number | undefined; overlapUntil?: Date | undefined }): Promise<AppRow> {
    const former = context.overlapUntil === undefined ? undefined : await this.#formerSecret(connectorId, settings, context.overlapUntil);
    const kept = former?.kept ?? {};
    const { rows } = await this.#database.query<StoredApp>(
      `with written as (
         insert into connector_apps (connector_id, sealed, key_id, fields, updated_by, previous_secret_until)
         select $1, $2, $3, $4, $5, $8 where $6::bigint is null or $6 = 0 or exists (select 1 from connector_apps where connector_id = $1)
         on conflict (connector_id) do update
         set sealed = excluded.sealed, key_id = excluded.key_id, fields = excluded.fields, updated_by = excluded.updated_by,
             previous_secret_until = excluded.previous_secret_until,
             revision = connector_apps.revision + 1, updated_at = now()
         where $6::bigint is null or connector_apps.revision = $6
         returning ${columns}
       )
       select written.*, pg_notify($7, 'app:' || $1) as notified from written`,
      [
        connectorId,
        this.#sealer.sealJson({ purpose: 'app', subject: connectorId }, { ...settings, ...kept }),
        this.#sealer.keyId,
        Object.keys(settings).toSorted(),
        context.actor,
        context.expected ?? former?.revision ?? null,
        channel,
        kept[previousUntilField] ?? null,
      ],
    );
    const row = rows[0];
    if (row === undefined) {
      throw new Refusal('conflict', `The app of ${connectorId} was changed meanwhile. Read its revision again and repeat.`, { status: 412 });
    }
    this.forget(connectorId);
    return parse(row);
  }

  /** Which fields are set, of the connectors named. */
  async list(connectorIds: readonly string[]): Promise<Map<string, AppRow>> {
    const { rows } = await this.#database.query<StoredApp>(`select ${columns} from connector_apps where connector_id = any($1)`, [connectorIds]);
    return new Map(rows.map((row) => [row.connector_id, parse(row)]));
  }

  async #open(connectorId: string): Promise<Settings> {
    return (await this.#stored(connectorId))?.settings ?? none;
  }

  async #stored(connectorId: string): Promise<{ settings: Settings; revision: number } | undefined> {
    const { rows } = await this.#database.query<{ sealed: Buffer; revision: number }>('select sealed, revision from connector_apps where connector_id = $1', [connectorId]);
    const [row] = rows;
    if (row === undefined) return undefined;
    return { settings: Object.freeze(parseSettings(this.#sealer.openJson({ purpose: 'app', subject: connectorId }, row.sealed), connectorId)), revision: row.revision };
  }

  /** What is kept of the secret in effect, and the revision it was read at: the write must not miss a change after it. */
  async #formerSecret(connectorId: string, next: Settings, until: Date): Promise<{ kept: Settings; revision: number } | undefined> {
    const stored = await this.#stored(connectorId);
    const secret = stored?.settings['client_secret'];
    if (stored === undefined || secret === undefined) return undefined;
    // The same secret put again does not push out the one before it.
    const former = secret === next['client_secret'] ? stored.settings[previousSecretField] : secret;
    return { kept: former === undefined ? none : { [previousSecretField]: former, [previousUntilField]: until.toISOString() }, revision: stored.revision };
  }
}

interface StoredApp {
  connector_id: string;
  fields: string[];
  revision: number;
  updated_at: Date;
  previous_secret_until: Date | null;
}
const columns = 'connector_id, fields, revision, updated_at, previous_secret_until';

const parse = (row: StoredApp): AppRow => ({ connectorId: row.connector_id, fields: row.fields, revision: row.revision, updatedAt: row.updated_at, previousSecretUntil: row.previous_secret_until });

function parseSettings(value: unknown, connectorId: string): Record<string, string> {
  if (typeof value !== 'object' || value === null) throw new Error(`The envelope of the app of ${connectorId} does not hold settings.`);
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => {
      if (typeof text !== 'string') throw new Error(`The app of ${connectorId} holds a field ${name} that is not text.`);
      return [name, text];
    }),
  );
}
