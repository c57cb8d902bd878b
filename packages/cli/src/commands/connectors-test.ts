/** `evenkeel connectors test`: replays the recorded fixtures of connectors, without a network. */
import { relative } from 'node:path';
import { Fixture } from '@evenkeel/contract/fixture.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { WebhookFixture } from '@evenkeel/contract/webhook-fixture.ts';
import type { Difference } from '@evenkeel/core/gateway/difference.ts';
import { jsonOption, type Command } from '../command.ts';
import { findConnectors, fixtureFiles, readJsonFile, readManifest, type ConnectorFolder } from '../connector-folder.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';

interface Report {
  readonly file: string;
  readonly ok: boolean;
  /** One a line: where, what was expected, what came. */
  readonly findings: readonly string[];
}

export const connectorsTest: Command = {
  words: ['connectors', 'test'],
  summary: 'Replay the fixtures of connectors; without a path, those in ./connectors.',
  operands: '[path…]',
  arity: [0, Infinity],
  options: { ...jsonOption },
  details: ['A fixture is a call, the exchanges with the vendor it has to lead to, and the answer it has to give.', 'One under fixtures/webhooks is a request of the vendor, and what has to become of it.', 'A path is a connector\'s folder or its connector.json.'],
  async run({ positionals, cwd, out, values, signal }) {
    const connectors = await findConnectors(positionals, cwd);
    const reports: Report[] = [];
    for (const connector of connectors) {
      signal.throwIfAborted();
      const found = await testFolder(connector, cwd);
      if (found.length === 0) out.note(`${connector.manifestPath} has no fixtures.`);
      reports.push(...found);
      if (!values['json']) for (const { findings } of found) for (const finding of findings) out.line(finding);
    }
    if (values['json']) out.line(JSON.stringify(reports, null, 2));
    const failed = reports.filter(({ ok }) => !ok).length;
    out.note(`${reports.length - failed} passed, ${failed} failed`);
    return failed > 0 ? exitCodes.findings.code : exitCodes.ok.code;
  },
};

async function testFolder({ folder, manifestPath }: ConnectorFolder, cwd: string): Promise<Report[]> {
  const { compileConnector } = await import('@evenkeel/core/connectors/compile.ts');
  const manifest = await readManifest(folder);
  if (!manifest.ok) return [{ file: manifestPath, ok: false, findings: [faultLine(manifestPath, { path: '', message: manifest.message })] }];
  const compiled = compileConnector(manifest.value);
  if (!compiled.ok) return [{ file: manifestPath, ok: false, findings: compiled.faults.map((fault) => faultLine(manifestPath, fault)) }];
  const reports: Report[] = [];
  for (const path of await fixtureFiles(folder)) reports.push(await replay(path, relative(cwd, path), Fixture, await callReplayer(compiled.connector)));
  for (const path of await fixtureFiles(folder, 'webhooks')) reports.push(await replay(path, relative(cwd, path), WebhookFixture, await webhookReplayer(compiled.connector)));
  return reports;
}

/** What was made of a fixture that has the right shape. */
type Replayer = (fixture: unknown) => Promise<{ readonly ok: boolean; readonly differences: readonly Difference[] }>;

async function callReplayer(connector: Connector): Promise<Replayer> {
  const [{ runFixture }, { createCrypto }] = await Promise.all([import('@evenkeel/core/gateway/fixture.ts'), import('@evenkeel/server/upstream/crypto.ts')]);
  return (fixture) => runFixture(connector, fixture as Fixture, { crypto: createCrypto() });
}

async function webhookReplayer(connector: Connector): Promise<Replayer> {
  const [{ runWebhookFixture }, { createVerificationCrypto }] = await Promise.all([import('@evenkeel/core/inbound/webhook-fixture.ts'), import('@evenkeel/server/inbound/verification-crypto.ts')]);
  return (fixture) => runWebhookFixture(connector, fixture as WebhookFixture, { crypto: createVerificationCrypto() });
}

async function replay(path: string, file: string, schema: object, run: Replayer): Promise<Report> {
  const { checkShape } = await import('@evenkeel/core/connectors/lint/shape.ts');
  const content = await readJsonFile(path);
  if (!content.ok) return { file, ok: false, findings: [faultLine(file, { path: '', message: content.message })] };
  const { faults } = checkShape(schema, content.value);
  if (faults.length > 0) return { file, ok: false, findings: faults.map((fault) => faultLine(file, fault)) };
  const result = await run(content.value);
  return { file, ok: result.ok, findings: result.differences.map((difference) => differenceLine(file, difference)) };
}

function differenceLine(file: string, { at, expected, actual }: Difference): string {
  return `${file}:${at}: expected ${shown(expected)}, got ${shown(actual)}`;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
