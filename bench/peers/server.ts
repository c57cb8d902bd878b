/** Evenkeel with the environment it is given, as in production; prints its port once it listens. */
import { readConfiguration } from '@evenkeel/server/configuration.ts';
import { startServer } from '@evenkeel/server/server.ts';

// One process unless asked for more, so that figures of different machines and days compare.
const read = readConfiguration({ EVENKEEL_API_PROCESSES: '1', ...(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>) });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const server = await startServer(read.configuration);
console.log(new URL(server.url).port);
process.once('SIGTERM', () => void server.close().finally(() => process.exit()));
