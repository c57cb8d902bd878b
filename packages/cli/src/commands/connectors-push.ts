/** `evenkeel connectors push` and `rollback`: versions of a connector on a running server. */
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import type { ConnectorRollout } from '@evenkeel/sdk/generated/contract.ts';
import { jsonOption, serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { findConnectors, readManifest } from '../connector-folder.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';

export const connectorsPush: Command = {
  words: ['connectors', 'push'],
  summary: 'Put a connector on the server as a new version; it takes effect without a restart.',
  operands: '<folder>',
  arity: [1, 1],
  options: { percent: { type: 'string', value: '<n>', description: 'Share of the accounts that get it at once, 0 to 100; default 100.' }, ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { positionals, cwd, out, signal, values } = invocation;
    const share = shareOf(values['percent']);
    const [connector] = await findConnectors(positionals, cwd);
    if (connector === undefined) throw new UsageError('no connector is named.');
    const manifest = await readManifest(connector.folder);
    if (!manifest.ok) {
      out.note(faultLine(connector.manifestPath, { path: '', message: manifest.message }));
      return exitCodes.findings.code;
    }
    const id = (manifest.value as { id?: unknown } | null)?.id;
    if (typeof id !== 'string' || id === '') throw new UsageError(`${connector.manifestPath} has no id.`);
    try {
      const answer = await connect(invocation).connectors.put(id, manifest.value as object, share, { signal });
      if (values['json']) out.line(JSON.stringify(answer, null, 2));
      else {
        for (const warning of answer.warnings) out.line(faultLine(connector.manifestPath, { ...warning, severity: 'warning' }));
        out.line(answer.created ? `${id} has version ${answer.version}; ${serving(answer.rollout)}.` : `${id} has this manifest already, as version ${answer.version}; ${serving(answer.rollout)}.`);
      }
      return exitCodes.ok.code;
    } catch (error) {
      if (!(error instanceof EvenkeelError) || error.code !== 'connector_invalid') throw error;
      const faults = error.problem?.errors ?? [];
      if (values['json']) out.line(JSON.stringify({ faults }, null, 2));
      else for (const fault of faults) out.line(faultLine(connector.manifestPath, fault));
      out.note(`evenkeel: ${id} was refused with ${faults.length} faults; the server keeps the version it has.`);
      return exitCodes.findings.code;
    }
  },
};

export const connectorsRollback: Command = {
  words: ['connectors', 'rollback'],
  summary: 'End the trial of a new version, else go back to the version that was stable before.',
  operands: '<id>',
  arity: [1, 1],
  options: { version: { type: 'string', value: '<n>', description: 'Go back to this version instead.' }, ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { positionals, values, out, signal } = invocation;
    const [id = ''] = positionals;
    const version = wholeNumber('version', values['version'], 2_147_483_647);
    const rollout = await connect(invocation).connectors.rollback(id, version === undefined ? {} : { version }, { signal });
    out.line(values['json'] ? JSON.stringify(rollout, null, 2) : `${id}: ${serving(rollout)}.`);
    return exitCodes.ok.code;
  },
};

function serving({ stable, candidate }: ConnectorRollout): string {
  return candidate === null ? `version ${stable} serves every account` : `version ${candidate.version} serves ${candidate.percent} % of the accounts, version ${stable} the others`;
}

function shareOf(value: Invocation['values'][string]): { percent?: number } {
  const percent = wholeNumber('percent', value, 100);
  return percent === undefined ? {} : { percent };
}

function wholeNumber(name: string, value: Invocation['values'][string], most: number): number | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) > most) throw new UsageError(`--${name} must be a whole number up to ${most}, not "${text}".`);
  return Number(text);
}
