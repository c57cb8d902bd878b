/** A node's registry opened on a database and a folder of connectors; prints how many there are and the milliseconds it took. */
import { openRegistry } from '@evenkeel/server/connectors/registry.ts';
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { createVault } from '@evenkeel/server/accounts/vault/vault.ts';

const [url = '', path = ''] = process.argv.slice(2);
const log = createLog('error');
const pool = createPool(url, { max: 4, onError: () => undefined });
const notifications = await createNotifications(url, log);
await pool.query('select 1');
const from = performance.now();
const registry = await openRegistry({ pool, notifications, log, sealer: createVault(Buffer.alloc(32)), folders: [{ path, source: 'folder' }] });
const tookMs = performance.now() - from;
console.log(JSON.stringify({ connectors: registry.list().length, tookMs }));
await registry.close();
await notifications.close();
await pool.end();
