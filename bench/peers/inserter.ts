/**
 * What an ingest is held against: the same rows, inserted one by one and each committed, over as many connections as
 * there are senders. `node inserter.ts '{"databaseUrl","rowFile","connections","durationMs"}'`; prints {"rps"}.
 */
import { readFileSync } from 'node:fs';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';

interface Plan {
  readonly databaseUrl: string;
  readonly rowFile: string;
  readonly connections: number;
  readonly durationMs: number;
}
/** A stored request, bytes in base64. */
interface Row {
  readonly connector_id: string;
  readonly address_id: string;
  readonly account_id: string;
  readonly tenant_id: string;
  readonly method: string;
  readonly query: string;
  readonly headers: string;
  readonly body: string;
  readonly verification: string;
}

const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
const row = JSON.parse(readFileSync(plan.rowFile, 'utf8')) as Row;
const [headers, body] = [Buffer.from(row.headers, 'base64'), Buffer.from(row.body, 'base64')];
const pool = createPool(plan.databaseUrl, { max: plan.connections, onError: () => undefined });
const clients = await Promise.all(Array.from({ length: plan.connections }, () => pool.connect()));
const begun = performance.now();
const until = begun + plan.durationMs;
let inserted = 0;
await Promise.all(
  clients.map(async (client) => {
    while (performance.now() < until) {
      const now = Date.now();
      await client.query({
        name: 'insert',
        text: `insert into inbound_requests (received_at, id, source, connector_id, connector_version, address_id, account_id, tenant_id, method, query, headers, body, verification)
               values (to_timestamp($1::bigint / 1000.0), $2, 'webhook', $3, 1, $4, $5, $6, $7, $8, $9, $10, $11)`,
        values: [now, newId('ibr', now), row.connector_id, row.address_id, row.account_id, row.tenant_id, row.method, row.query, headers, body, row.verification],
      });
      inserted += 1;
    }
  }),
);
console.log(JSON.stringify({ rps: inserted / ((performance.now() - begun) / 1000) }));
for (const client of clients) client.release();
await pool.end();
