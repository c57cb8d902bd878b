/** Runs the sandbox alone: PORT (default 4410), SANDBOX_SEED. */
import { startSandbox } from './sandbox.ts';

const port = Number(process.env['PORT'] ?? '4410');
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`PORT must be a whole number from 0 to 65535, not "${process.env['PORT']}".\n`);
  process.exit(2);
}
const seed = process.env['SANDBOX_SEED'];
const sandbox = await startSandbox({ port, ...(seed === undefined ? {} : { seed }) }).catch((error: unknown) => {
  process.stderr.write(`The sandbox could not listen on 127.0.0.1:${port}: ${error instanceof Error ? error.message : String(error)}. Set PORT to a free port.\n`);
  process.exit(1);
});
process.stdout.write(`Sandbox vendors at ${sandbox.url}/<host>/<path>; control at ${sandbox.url}/_sandbox/vendors\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void sandbox.close());
