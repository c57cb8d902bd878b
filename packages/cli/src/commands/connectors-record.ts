/** `evenkeel connectors record`: performs the call of a fixture against the vendor, and writes what came into it. */
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Fixture } from '@evenkeel/contract/fixture.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Recording } from '@evenkeel/core/gateway/fixture-record.ts';
import { UsageError, type Command } from '../command.ts';
import { findConnectors, readJsonFile, readManifest } from '../connector-folder.ts';
import { textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';
import { recordWith } from '../recording.ts';

export const connectorsRecord: Command = {
  words: ['connectors', 'record'],
  summary: 'Perform the call of a fixture against the vendor and write its exchanges and answer.',
  operands: '<connectors/id/fixtures/name.json…>',
  arity: [1, Infinity],
  options: {
    account: { type: 'string', value: '<file>', description: 'JSON with the real members of "account": token, secret, config … They are not written.' },
    via: { type: 'string', value: '<url>', description: 'Leads every request elsewhere, to a simulated vendor: http://127.0.0.1:4410/{host}' },
  },
  details: [
    'Begin with a file that has "name", "call" and "account", the latter with made-up secrets: they are what is written.',
    'The call is really made: one that creates a record creates it. Look through the answers for personal data before you commit them.',
  ],
  async run({ positionals, values, cwd, out, signal }) {
    const account = await readAccount(textOf(values['account']), cwd);
    const perform = await recordWith(textOf(values['via']), signal);
    let failed = 0;
    try {
      for (const path of positionals) {
        signal.throwIfAborted();
        const file = resolve(cwd, path);
        const message = await recordFile(file, account, perform).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
        if (message !== undefined) failed += 1;
        out.line(message === undefined ? `${relative(cwd, file)} is recorded.` : faultLine(relative(cwd, file), { path: '', message }));
      }
    } finally {
      await perform.close();
    }
    return failed > 0 ? exitCodes.findings.code : exitCodes.ok.code;
  },
};

type Perform = (connector: Connector, fixture: Fixture, account: NonNullable<Fixture['account']>) => Promise<Recording>;

/** Undefined when it was written, else why it was not. */
async function recordFile(file: string, account: NonNullable<Fixture['account']>, { record }: { readonly record: Perform }): Promise<string | undefined> {
  const content = await readJsonFile(file);
  if (!content.ok) return content.message;
  const draft = { exchanges: [], answer: { status: 200 }, ...(content.value as object) };
  const { checkShape } = await import('@evenkeel/core/connectors/lint/shape.ts');
  const { faults } = checkShape(Fixture, draft);
  if (faults[0] !== undefined) return `${faults[0].path} ${faults[0].message}`;
  const fixture = draft as unknown as Fixture;
  if (`${fixture.name}.json` !== basename(file)) return `"name" is "${fixture.name}"; it has to be that of the file`;
  const connector = await connectorAt(join(dirname(file), '..'));
  if (typeof connector === 'string') return connector;
  const recording = await record(connector, fixture, account);
  if (!recording.ok) return recording.message;
  await writeFile(file, `${JSON.stringify(recording.fixture, null, 2)}\n`);
  return undefined;
}

async function connectorAt(path: string): Promise<Connector | string> {
  const [folder] = await findConnectors([path], '/');
  const manifest = folder === undefined ? undefined : await readManifest(folder.folder);
  if (manifest?.ok !== true) return manifest?.message ?? 'is in no folder of a connector';
  const { compileConnector } = await import('@evenkeel/core/connectors/compile.ts');
  const compiled = compileConnector(manifest.value);
  return compiled.ok ? compiled.connector : `its connector does not compile: ${compiled.faults[0]?.path ?? ''} ${compiled.faults[0]?.message ?? ''}`;
}

async function readAccount(path: string | undefined, cwd: string): Promise<NonNullable<Fixture['account']>> {
  if (path === undefined) return {};
  const content = await readJsonFile(resolve(cwd, path)).catch(() => undefined);
  if (content === undefined) throw new UsageError(`there is no ${path}.`);
  if (!content.ok || typeof content.value !== 'object' || content.value === null) throw new UsageError(`${path} ${content.ok ? 'is no JSON object' : content.message}.`);
  return content.value;
}
