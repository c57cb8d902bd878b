/** Evenkeel with the environment it is given, as in production; prints its port once it listens. */
import { readConfiguration } from '@evenkeel/server/configuration.ts';
import { startServer } from '@evenkeel/server/server.ts';

const read = readConfiguration(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const server = await startServer(read.configuration);
console.log(new URL(server.url).port);
process.once('SIGTERM', () => void server.close().finally(() => process.exit()));
