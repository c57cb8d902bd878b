/** Probes for whatever runs Evenkeel: is the process there, and is it ready for traffic. */
import Type from 'typebox';
import type { Queryable } from '../database/pool.ts';
import { route, type Route } from './route.ts';

const Health = Type.Object({ status: Type.Literal('ok'), version: Type.String() });
const Check = Type.Object({ name: Type.String(), ok: Type.Boolean(), detail: Type.Optional(Type.String()) });
const Readiness = Type.Object({ status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]), checks: Type.Array(Check) });

export interface Readiable {
  readonly name: string;
  /** Resolves when ready; the rejection's message is the detail. */
  readonly check: () => Promise<void>;
}

export function probeRoutes({ version, checks }: { version: string; checks: readonly Readiable[] }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'The process answers',
      tag: 'probes',
      access: 'open',
      audit: { none: 'reads only' },
      schema: { response: { 200: Health } },
      handle: () => ({ status: 'ok' as const, version }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Database, migrations and workers are there',
      tag: 'probes',
      access: 'open',
      audit: { none: 'reads only' },
      schema: { response: { 200: Readiness, 503: Readiness } },
      async handle({ reply }) {
        const results = await runChecks(checks);
        const ready = results.every(({ ok }) => ok);
        reply.code(ready ? 200 : 503);
        return { status: ready ? ('ready' as const) : ('not_ready' as const), checks: results };
      },
    }),
  ];
}

async function runChecks(checks: readonly Readiable[]): Promise<Type.Static<typeof Check>[]> {
  return Promise.all(
    checks.map(async ({ name, check }) => {
      try {
        await check();
        return { name, ok: true };
      } catch (error) {
        return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** What is not ready, each with its name; empty when all is. */
export async function faultsOf(checks: readonly Readiable[]): Promise<string[]> {
  return (await runChecks(checks)).flatMap(({ name, ok, detail }) => (ok ? [] : [`${name}: ${detail ?? 'not ready'}`]));
}

/** The database answers, and every migration this version knows is applied. */
export function databaseChecks(database: Queryable, expected: readonly string[]): Readiable[] {
  return [
    { name: 'database', check: async () => void (await database.query('select 1')) },
    {
      name: 'migrations',
      async check() {
        const { rows } = await database.query<{ name: string }>('select name from schema_migrations');
        const present = new Set(rows.map(({ name }) => name));
        const missing = expected.filter((name) => !present.has(name));
        if (missing.length > 0) throw new Error(`not applied: ${missing.join(', ')}`);
      },
    },
  ];
}
