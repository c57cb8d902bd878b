/**
 * The brakes on connectors whose vendors fail, common to all nodes: a row for each that has failed since its last verdict.
 * What this process has seen of them is at most a second old; a failure is added to what is stored, so that five in a
 * row close a brake whichever nodes met them.
 */
import { afterRefreshFailure, isClosed, released, type Brake } from '@evenkeel/core/accounts/refresh-brake.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import type { Renewal } from './refresh-run.ts';

/** What is known is good for so long. */
const goodForMs = 1_000;

export interface BrakeParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
}

export class RefreshBrakes {
  readonly #parts: BrakeParts;
  #known = new Map<string, Brake>();
  #readAtMs = -Infinity;

  constructor(parts: BrakeParts) {
    this.#parts = parts;
  }

  /** As last seen. */
  of(connectorId: string): Brake {
    return this.#known.get(connectorId) ?? released;
  }

  get closed(): string[] {
    return Array.from(this.#known).flatMap(([id, brake]) => (isClosed(brake) ? [id] : []));
  }

  async read(): Promise<void> {
    const at = performance.now();
    this.#known = await readBrakes(this.#parts.pool);
    this.#readAtMs = at;
  }

  /** What a refresh tells of its vendor, whoever wanted it. Never rejects: what cannot be stored is made up for by the next. */
  async settle(connectorId: string, renewal: Renewal): Promise<void> {
    try {
      if (renewal.kind === 'renewed' || renewal.kind === 'rejected') await this.#release(connectorId);
      else if (renewal.kind === 'failed' && renewal.blame === 'vendor') await this.#failed(connectorId, renewal);
    } catch (error) {
      this.#parts.log.warn({ err: error, connector: connectorId }, 'accounts: the brake on a connector could not be stored');
    }
  }

  /** The vendor answered: whatever it said, it is there. */
  async #release(connectorId: string): Promise<void> {
    if (performance.now() - this.#readAtMs > goodForMs) await this.read();
    if (!this.#known.delete(connectorId)) return;
    const { rows } = await this.#parts.pool.query<{ failures: number }>('delete from refresh_brakes where connector_id = $1 returning failures', [connectorId]);
    const failures = rows[0]?.failures ?? 0;
    if (isClosed({ failures, untilMs: 0 })) this.#parts.log.info({ connector: connectorId, failures }, 'accounts: refreshes of a connector work again');
  }

  async #failed(connectorId: string, { status, message, retryAfterS }: Extract<Renewal, { kind: 'failed' }>): Promise<void> {
    // What a single account waits for is in its row; of the vendor's own wish only a rate limit concerns all.
    const { before, after } = await addFailure(this.#parts.pool, connectorId, { retryAfterS: status === 429 ? retryAfterS : null, nowMs: this.#parts.now() });
    this.#known.set(connectorId, after);
    if (isClosed(after) && !isClosed(before)) this.#parts.log.error({ connector: connectorId, failures: after.failures, status, message, alert: 'refresh_failing' }, 'accounts: refreshes of a connector fail one after another; its queue is held back, accounts keep their state');
  }
}

interface BrakeRow {
  connector_id: string;
  failures: number;
  until_at: Date;
}

const brakeOf = ({ failures, until_at: untilAt }: BrakeRow): Brake => ({ failures, untilMs: untilAt.getTime() });

async function readBrakes(database: Queryable): Promise<Map<string, Brake>> {
  const { rows } = await database.query<BrakeRow>({ name: 'read-refresh-brakes', text: 'select connector_id, failures, until_at from refresh_brakes' });
  return new Map(rows.map((row) => [row.connector_id, brakeOf(row)]));
}

/** One after another, by the lock of the row, which the first of them makes. */
function addFailure(pool: Pool, connectorId: string, failure: { retryAfterS: number | null; nowMs: number }): Promise<{ before: Brake; after: Brake }> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<BrakeRow>({
      name: 'lock-refresh-brake',
      text: `insert into refresh_brakes as b (connector_id, failures, until_at) values ($1, 0, 'epoch')
             on conflict (connector_id) do update set failures = b.failures
             returning *`,
      values: [connectorId],
    });
    const before = rows[0] === undefined ? released : brakeOf(rows[0]);
    const after = afterRefreshFailure(before, failure);
    await client.query({ name: 'store-refresh-brake', text: 'update refresh_brakes set failures = $2, until_at = $3 where connector_id = $1', values: [connectorId, after.failures, new Date(after.untilMs)] });
    return { before, after };
  });
}
