/** A node with the outbound room as a process of its own, for tests that kill it. It delivers from its start, and says so. */
import { createPool } from '@evenkeel/server/database/pool.ts';
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { createOutboundRoom } from '@evenkeel/server/outbound/room.ts';
import { noObserver } from '@evenkeel/server/telemetry/observation.ts';

export interface ProcessSettings {
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly node: string;
  readonly leaseMs: number;
}

const settings = JSON.parse(process.argv[2] ?? '') as ProcessSettings;
const log = createLog(process.env['EVENKEEL_TEST_LOG'] ?? 'silent');
const pool = createPool(settings.databaseUrl, { max: 6, onError: () => undefined });
const notifications = await createNotifications(settings.databaseUrl, log);
const room = await createOutboundRoom({
  pool,
  vault: await openVault(pool, Buffer.from(settings.masterKey, 'base64')),
  notifications,
  log,
  now: Date.now,
  node: settings.node,
  observer: noObserver,
  publicUrl: 'http://127.0.0.1:4400',
  delivers: true,
  limits: { leaseMs: settings.leaseMs },
  settings: { allowPrivate: ['127.0.0.0/8'], keepDays: 35, disableAfterMs: 5 * 86_400_000, smtpUrl: undefined, mailFrom: 'evenkeel@localhost', mailTo: undefined },
});
process.on('SIGTERM', () => {
  void room.close().then(async () => {
    await notifications.close();
    await pool.end();
    process.exit(0);
  });
});
// Whoever started it is gone: nothing is left to do.
process.on('disconnect', () => process.exit());
process.send?.('ready');
