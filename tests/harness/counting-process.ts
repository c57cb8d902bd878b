/**
 * A node that only counts, as a process of its own, for tests that kill it. It observes one call of its own account at
 * each step and tells its parent in which half second of the database's clock it did.
 */
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { NodeCounter } from '@evenkeel/server/telemetry/counting/node-counter.ts';

const [databaseUrl = '', nodeId = ''] = process.argv.slice(2);
const pool = createPool(databaseUrl, { max: 3, onError: () => undefined });
const log = createLog('silent');
const notifications = await createNotifications(databaseUrl, log);
const counter = await NodeCounter.start({ database: pool, log, nodeId, presence: notifications });
let observed = 0;

const timer = setInterval(() => {
  for (let at = 0; at < 5; at += 1) {
    counter.observe({ kind: 'call', surface: 'proxy', tenantId: 'acme', accountId: nodeId, connectorId: 'vendor', category: null, endpoint: 'contacts.list', outcome: 'success', origin: null, code: null, atMs: Date.now(), totalUs: 1_000, upstreamUs: 900 });
    observed += 1;
  }
  process.send?.({ observed });
}, 2);

process.on('message', (message) => {
  if (message !== 'end') return;
  clearInterval(timer);
  void counter.close().then(async () => {
    process.send?.({ observed, ended: true });
    await notifications.close();
    await pool.end();
    process.disconnect?.();
  });
});
// Whoever started it is gone: nothing is left to do.
process.on('disconnect', () => process.exit());
process.send?.({ observed });
