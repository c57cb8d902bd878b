/** `evenkeel overrides …`: what an installation, a tenant or an account has otherwise than its connector. */
import { resolve } from 'node:path';
import type { EffectiveManifest, EffectiveMapping, LayerQuery } from '@evenkeel/sdk/generated/contract.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import { jsonOption, serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { readJsonFile } from '../connector-folder.ts';
import { exitCodes, type ExitCode } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';

const layerOptions = {
  model: { type: 'string', value: '<model>', description: 'Of the mapping of this model, such as crm.contacts; default the manifest.' },
  tenant: { type: 'string', value: '<id>', description: 'The layer of a tenant; without it and --account that of the installation.' },
  account: { type: 'string', value: '<id>', description: 'The layer of an account.' },
  ...jsonOption,
  ...serverOptions,
} as const;
const condition = { 'if-match': { type: 'string', value: '<revision>', description: 'Only if the layer has this revision still; 0: only if it has no override.' } } as const;

export const overridesShow: Command = {
  words: ['overrides', 'show'],
  summary: 'Show the overrides in effect, layer by layer, and every place they change.',
  operands: '<connector>',
  arity: [1, 1],
  options: layerOptions,
  details: ['Exits 1 when they do not fit the connector any more.'],
  async run(invocation) {
    const { id, model, layer } = targetOf(invocation);
    const { overrides } = connect(invocation);
    const { signal } = invocation;
    return show(invocation, await (model === undefined ? overrides.manifest(id, layer, { signal }) : overrides.mapping(id, model, layer, { signal })));
  },
};

export const overridesPut: Command = {
  words: ['overrides', 'put'],
  summary: 'Put the override of a layer: a JSON merge patch (RFC 7396).',
  operands: '<connector> <patch.json>',
  arity: [2, 2],
  options: { ...condition, ...layerOptions },
  async run(invocation) {
    const { id, model, layer } = targetOf(invocation);
    const { cwd, positionals, signal } = invocation;
    const path = positionals[1] ?? '';
    const patch = await readJsonFile(resolve(cwd, path)).catch(() => undefined);
    if (patch === undefined) throw new UsageError(`there is no ${path}.`);
    if (!patch.ok) throw new UsageError(`${path} ${patch.message}`);
    const { overrides } = connect(invocation);
    const options = { signal, ...expected(invocation) };
    return refusing(invocation, path, () => (model === undefined ? overrides.putManifest(id, patch.value as object, layer, options) : overrides.putMapping(id, model, patch.value as object, layer, options)));
  },
};

export const overridesRemove: Command = {
  words: ['overrides', 'remove'],
  summary: 'Remove the override of a layer.',
  operands: '<connector>',
  arity: [1, 1],
  options: { ...condition, ...layerOptions },
  async run(invocation) {
    const { id, model, layer } = targetOf(invocation);
    const { overrides } = connect(invocation);
    const options = { signal: invocation.signal, ...expected(invocation) };
    return refusing(invocation, id, () => (model === undefined ? overrides.removeManifest(id, layer, options) : overrides.removeMapping(id, model, layer, options)));
  },
};

function targetOf({ positionals, values }: Invocation): { id: string; model: string | undefined; layer: LayerQuery } {
  const [tenant, account] = [textOf(values['tenant']), textOf(values['account'])];
  return { id: positionals[0] ?? '', model: textOf(values['model']), layer: { ...(tenant === undefined ? {} : { tenant_id: tenant }), ...(account === undefined ? {} : { account_id: account }) } };
}

function expected({ values }: Invocation): { ifMatch?: number } {
  const given = textOf(values['if-match']);
  if (given === undefined) return {};
  if (!/^\d{1,16}$/.test(given)) throw new UsageError(`--if-match takes a revision, as overrides show prints it, not "${given}".`);
  return { ifMatch: Number(given) };
}

/** The faults of a patch are findings of this command; everything else goes the usual way. */
async function refusing(invocation: Invocation, about: string, change: () => Promise<EffectiveManifest | EffectiveMapping>): Promise<ExitCode> {
  try {
    return await show(invocation, await change());
  } catch (error) {
    const faults = error instanceof EvenkeelError ? (error.problem?.errors ?? []) : [];
    if (faults.length === 0) throw error;
    if (invocation.values['json'] === true) invocation.out.line(JSON.stringify({ faults }, null, 2));
    else for (const fault of faults) invocation.out.line(faultLine(about, fault));
    invocation.out.note('evenkeel: nothing was changed.');
    return exitCodes.findings.code;
  }
}

async function show({ values, out }: Invocation, shown: EffectiveManifest | EffectiveMapping): Promise<ExitCode> {
  if (values['json'] === true) out.line(JSON.stringify(shown, null, 2));
  else {
    out.line(`${shown.connector} version ${shown.version}, revision ${shown.revision} of this layer`);
    for (const { part, layer, owner, revision, updated_by: by, updated_at: at } of shown.layers) out.line(`${layer}${owner === '' ? '' : ` ${owner}`}: ${part}, revision ${revision}, by ${by} at ${at}`);
    for (const { path, before, after } of shown.changes) out.line(`  ${path}: ${brief(before)} → ${brief(after)}`);
    for (const fault of shown.faults) out.line(faultLine(shown.connector, fault));
    if (shown.layers.length === 0) out.note('Nothing is overridden.');
  }
  return Promise.resolve(shown.faults.length > 0 ? exitCodes.findings.code : exitCodes.ok.code);
}

function brief(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
