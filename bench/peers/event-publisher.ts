/**
 * Publishes events as rooms do: `publishEvents` in a transaction, some events in each, at a rate or as fast as it goes.
 * Parameter: JSON {databaseUrl, tenants, events, perTransaction, rate (events a second; 0: no pause), connections}. Prints how it went.
 */
import { createPool, transaction } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';
import { publishEvents } from '@evenkeel/server/outbound/publish.ts';

interface Plan {
  readonly databaseUrl: string;
  readonly tenants: readonly string[];
  readonly events: number;
  readonly perTransaction: number;
  readonly rate: number;
  readonly connections: number;
}

const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
const pool = createPool(plan.databaseUrl, { max: plan.connections, onError: () => undefined });
const record = { id: '51', first_name: 'Ada', last_name: 'Lovelace', emails: [{ address: 'ada@example.com', type: 'work' }], phones: [], company_id: '7', updated_at: '2026-11-23T13:50:30.000Z', custom_fields: { note: 'x'.repeat(300) } };
let begun = 0;
const startedAt = performance.now();
const startedAtMs = Date.now();

async function work(): Promise<void> {
  while (begun < plan.events) {
    const first = begun;
    begun += plan.perTransaction;
    if (plan.rate > 0) {
      const waitMs = startedAt + (first / plan.rate) * 1000 - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    const events = Array.from({ length: plan.perTransaction }, (_, index) => ({
      id: newId('evt'),
      tenantId: plan.tenants[(first + index) % plan.tenants.length] ?? '',
      accountId: null,
      type: 'crm.contact.updated',
      data: { account_id: 'acc_1', model: 'crm.contacts', change: 'updated', record_id: '51', record },
    }));
    await transaction(pool, (client) => publishEvents(client, events));
  }
}

await Promise.all(Array.from({ length: plan.connections }, work));
const elapsedMs = performance.now() - startedAt;
await pool.end();
console.log(JSON.stringify({ elapsedMs, events: begun, startedAtMs }));
