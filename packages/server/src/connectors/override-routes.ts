/** Routes for overrides of manifests and mappings: what is in effect for whom, and changing one layer. */
import type { IncomingHttpHeaders } from 'node:http';
import Type from 'typebox';
import { EffectiveManifest, EffectiveMapping, LayerQuery, ManifestParams, MappingParams, type Override, type OverrideLayer } from '@evenkeel/contract/api/overrides.ts';
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { lintManifest } from '@evenkeel/core/connectors/lint/lint.ts';
import { changesBetween } from '@evenkeel/core/connectors/overrides/merge-patch.ts';
import { faultsOfManifestPatch, faultsOfMappingPatch } from '@evenkeel/core/connectors/overrides/override-rules.ts';
import type { Caller } from '../access/keys.ts';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import type { ActiveConnector } from './catalogue.ts';
import { readExpectation } from './expectation.ts';
import { mergeManifest, mergeMapping, type ConnectorOverrides, type OverrideOwner } from './connector-overrides.ts';
import { manifestPart, removeOverride, tenantOf, writeOverride, type OverrideRow } from './override-store.ts';
import { unknownConnector, type ConnectorRegistry } from './registry.ts';

interface Parts {
  readonly registry: ConnectorRegistry;
  readonly overrides: ConnectorOverrides;
  readonly database: Queryable;
}
type Query = Type.Static<typeof LayerQuery>;
interface Target {
  readonly active: ActiveConnector;
  readonly owner: OverrideOwner;
  readonly layer: OverrideLayer;
  readonly layerOwner: string;
}

const common = { tag: 'connectors', access: 'admin', bodyLimit: 262_144 } as const;
const reading = { tag: 'connectors', access: 'read', audit: { none: 'reads only' } } as const;
const patch = (of: string) => Type.Unknown({ description: `A merge patch on the ${of}.` });

export function overrideRoutes(parts: Parts): Route[] {
  return [...mappingRoutes(parts), ...manifestRoutes(parts)];
}

function mappingRoutes(parts: Parts): Route[] {
  const path = '/v1/connectors/:id/mappings/:model';
  const schema = { params: MappingParams, query: LayerQuery, response: { 200: EffectiveMapping } } as const;
  const target = async ({ id, model }: { id: string; model: string }, query: Query, caller: Caller): Promise<Target> => {
    const found = await targetOf(parts, id, query, caller);
    if (modelNamed(model) === undefined) throw new Refusal('not_found', `There is no unified model ${model}. There are: ${modelNames.join(', ')}.`);
    return found;
  };
  const shown = ({ active, owner, layer }: Target, model: string): EffectiveMapping => {
    const { connector } = parts.overrides.connectorFor(active.connector, owner);
    return shownMapping({ connector, version: active.version }, model, parts.overrides.layers(active.connector.id, model, owner), layer);
  };
  return [
    route({
      ...reading, method: 'GET', path, summary: 'A mapping as it is in effect for an account, a tenant or the installation, layer by layer', schema,
      handle: async ({ params, query, caller, reply }) => tagged(reply, shown(await target(params, query, caller), params.model)),
    }),
    route({
      ...common, method: 'PUT', path: `${path}/override`, summary: 'Override a mapping in one layer, by a JSON merge patch (RFC 7396)', audit: { action: 'mapping.override' }, schema: { ...schema, body: patch('mapping') },
      async handle({ params, query, body, caller, raw, reply }) {
        const found = await target(params, query, caller);
        refuse('validation_failed', 'The override', faultsOfMappingPatch(body));
        const faultsFor = (target: Target): readonly Fault[] => mergeMapping(parts.overrides.connectorFor(target.active.connector, target.owner).connector, params.model, withLayer(parts, target, params.model, body, found)).faults;
        refuse('connector_invalid', 'With this override the mapping', faultsFor(found));
        await refuseBeneath(parts, found, params.model, faultsFor);
        await write(parts, found, params.model, body, { actor: `key:${caller.keyId}`, expected: expectedOf(raw.headers) });
        return tagged(reply, shown(found, params.model));
      },
    }),
    route({
      ...common, method: 'DELETE', path: `${path}/override`, summary: 'Remove the override of a mapping in one layer', audit: { action: 'mapping.override_removed' }, schema,
      async handle({ params, query, caller, raw, reply }) {
        const found = await target(params, query, caller);
        await remove(parts, found, params.model, expectedOf(raw.headers));
        return tagged(reply, shown(found, params.model));
      },
    }),
  ];
}

function manifestRoutes(parts: Parts): Route[] {
  const path = '/v1/connectors/:id/manifest';
  const schema = { params: ManifestParams, query: LayerQuery, response: { 200: EffectiveManifest } } as const;
  return [
    route({
      ...reading, method: 'GET', path, summary: 'The manifest with its mappings as it is in effect for an account, a tenant or the installation, layer by layer', schema,
      handle: async ({ params, query, caller, reply }) => tagged(reply, shownManifest(parts, await targetOf(parts, params.id, query, caller))),
    }),
    route({
      ...common, method: 'PUT', path: `${path}/override`, summary: 'Override parts of a manifest in one layer, by a JSON merge patch (RFC 7396)', audit: { action: 'manifest.override' }, schema: { ...schema, body: patch('manifest') },
      async handle({ params, query, body, caller, raw, reply }) {
        const found = await targetOf(parts, params.id, query, caller);
        refuse('validation_failed', 'The override', faultsOfManifestPatch(body, found.layer));
        const faultsFor = (target: Target): Fault[] => errorsOf(lintManifest(mergeManifest(target.active.connector, withLayer(parts, target, manifestPart, body, found))));
        refuse('connector_invalid', 'With this override the manifest', faultsFor(found));
        await refuseBeneath(parts, found, manifestPart, faultsFor);
        await write(parts, found, manifestPart, body, { actor: `key:${caller.keyId}`, expected: expectedOf(raw.headers) });
        return tagged(reply, shownManifest(parts, found));
      },
    }),
    route({
      ...common, method: 'DELETE', path: `${path}/override`, summary: 'Remove the override of a manifest in one layer', audit: { action: 'manifest.override_removed' }, schema,
      async handle({ params, query, caller, raw, reply }) {
        const found = await targetOf(parts, params.id, query, caller);
        await remove(parts, found, manifestPart, expectedOf(raw.headers));
        return tagged(reply, shownManifest(parts, found));
      },
    }),
  ];
}

const errorsOf = (faults: readonly Fault[]): Fault[] => faults.filter(({ severity }) => severity === 'error');

/** Refuses whole, with every fault. */
function refuse(code: 'validation_failed' | 'connector_invalid', what: string, faults: readonly Fault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const more = faults.length === 1 ? '' : `, and ${faults.length - 1} more`;
  const errors = faults.map(({ path, message, suggestion }) => ({ path, message, ...(suggestion === undefined ? {} : { suggestion }) }));
  throw new Refusal(code, `${what} has a fault: ${first.path === '' ? '' : `${first.path}: `}${first.message.replace(/\.$/, '')}${more}. Nothing was changed; mend what errors lists and send it again.`, { errors });
}

const order: readonly OverrideLayer[] = ['installation', 'tenant', 'account'];

/** The layers of the target's owner as they would be with this patch in the layer it is put to. */
function withLayer({ overrides }: Parts, { active, owner }: Target, part: string, body: unknown, { layer, layerOwner }: Target): OverrideRow[] {
  const others = overrides.layers(active.connector.id, part, owner).filter((one) => one.layer !== layer);
  const mine: OverrideRow = { connectorId: active.connector.id, part, layer, owner: layerOwner, patch: body, revision: 0, updatedBy: '', updatedAt: new Date(0) };
  return [...others, mine].toSorted((a, b) => order.indexOf(a.layer) - order.indexOf(b.layer));
}

/** Whoever has a narrower layer would fail with it: refused, with the first whom it would concern. One that is faulty as it stands is no obstacle. */
async function refuseBeneath({ registry, overrides, database }: Parts, { active, layer, owner }: Target, part: string, faultsFor: (target: Target) => readonly Fault[]): Promise<void> {
  const { id } = active.connector;
  for (const beneath of overrides.ownersBeneath(id, part, layer)) {
    const tenantId = beneath.layer === 'tenant' ? beneath.owner : await tenantOf(database, beneath.owner, id);
    const accountId = beneath.layer === 'account' ? beneath.owner : undefined;
    if (tenantId === undefined || (owner.tenantId !== undefined && tenantId !== owner.tenantId)) continue;
    const served = registry.get(id, accountId) ?? active;
    const concerned: Target = { active: served, owner: { tenantId, accountId }, layer: beneath.layer, layerOwner: beneath.owner };
    if (overrides.isFaulty(served.connector, part, concerned.owner)) continue;
    refuse('connector_invalid', `Together with the override of ${beneath.layer} ${beneath.owner}, this one`, faultsFor(concerned));
  }
}

/** What the caller has seen of the layer: its revision, 0 for that it has none. */
function expectedOf(headers: IncomingHttpHeaders): number | undefined {
  const expectation = readExpectation(headers);
  return expectation === 'absent' ? 0 : expectation?.revision;
}

async function write({ database, overrides }: Parts, { active, layer, layerOwner }: Target, part: string, body: unknown, { actor, expected }: { actor: string; expected: number | undefined }): Promise<void> {
  const written = await writeOverride(database, { connectorId: active.connector.id, part, layer, owner: layerOwner }, body, { actor, expected });
  if (!written) throw changedMeanwhile(part, layer, expected);
  await overrides.load();
}

const changedMeanwhile = (part: string, layer: OverrideLayer, expected: number | undefined): Refusal =>
  new Refusal('conflict', `The override of ${part === manifestPart ? 'the manifest' : part} in the layer ${layer} ${expected === 0 ? 'is there already' : `is not at revision ${expected}`}: someone changed it meanwhile. Read it again and repeat.`, { status: 412 });

async function remove({ database, overrides }: Parts, { active, layer, layerOwner }: Target, part: string, expected: number | undefined): Promise<void> {
  const removed = await removeOverride(database, { connectorId: active.connector.id, part, layer, owner: layerOwner }, expected);
  if (!removed && expected !== undefined) throw changedMeanwhile(part, layer, expected);
  if (!removed) throw new Refusal('not_found', `There is no override of ${part === manifestPart ? 'the manifest' : part} in the layer ${layer}.`);
  await overrides.load();
}

async function targetOf({ registry, database }: Parts, id: string, { tenant_id: tenantId, account_id: accountId }: Query, caller: Caller): Promise<Target> {
  if (caller.tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}, and overrides are the installation's. Use a key without a tenant.`);
  const active = registry.get(id, accountId);
  if (active === undefined) throw unknownConnector(id);
  if (accountId === undefined) return tenantId === undefined ? { active, owner: {}, layer: 'installation', layerOwner: '' } : { active, owner: { tenantId }, layer: 'tenant', layerOwner: tenantId };
  const ofAccount = await tenantOf(database, accountId, id);
  if (ofAccount === undefined || (tenantId !== undefined && tenantId !== ofAccount)) throw new Refusal('not_found', `There is no account ${accountId} of ${id}.`);
  return { active, owner: { tenantId: ofAccount, accountId }, layer: 'account', layerOwner: accountId };
}

const revisionIn = (layers: readonly OverrideRow[], layer: OverrideLayer): number => layers.find((one) => one.layer === layer)?.revision ?? 0;

function tagged<Shown extends { readonly revision: number }>(reply: { header(name: string, value: string): unknown }, shown: Shown): Shown {
  reply.header('etag', `"${shown.revision}"`);
  return shown;
}

function shownLayers(layers: readonly OverrideRow[]): Override[] {
  return layers.map(({ part, layer, owner, patch: change, revision, updatedBy, updatedAt }) => ({ part, layer, owner, patch: change, revision, updated_by: updatedBy, updated_at: updatedAt.toISOString() }));
}
const shownFaults = (faults: readonly Fault[], at = ''): { path: string; message: string }[] => faults.map(({ path, message }) => ({ path: `${at}${path}`, message }));

function shownMapping({ connector, version }: ActiveConnector, model: string, layers: readonly OverrideRow[], layer: OverrideLayer): EffectiveMapping {
  const builtIn: unknown = connector.mapping(model)?.source ?? null;
  const { mapping, faults } = mergeMapping(connector, model, layers);
  const effective = builtIn === null && layers.length === 0 ? null : mapping;
  return {
    connector: connector.id,
    version,
    model,
    revision: revisionIn(layers, layer),
    built_in: builtIn,
    layers: shownLayers(layers),
    effective,
    changes: changesBetween(builtIn ?? {}, effective ?? {}).map((change) => ({ ...change })),
    faults: effective === null ? [] : shownFaults(faults),
  };
}

/** The manifest with its own layers, and in it each mapping with its. */
function shownManifest({ overrides }: Parts, { active: { connector, version }, owner, layer }: Target): EffectiveManifest {
  const { mappings: _own, ...builtIn } = connector.manifest;
  const layers = overrides.layers(connector.id, manifestPart, owner);
  const revision = revisionIn(layers, layer);
  const merged = mergeManifest(connector, layers) as Connector['manifest'];
  const faults = layers.length === 0 ? [] : shownFaults(errorsOf(lintManifest(merged)));
  const { connector: effective } = overrides.connectorFor(connector, owner);
  const mappings: Record<string, unknown> = { ...merged.mappings };
  for (const model of overrides.partsOf(connector.id)) {
    const ofModel = model === manifestPart ? [] : overrides.layers(connector.id, model, owner);
    if (ofModel.length === 0) continue;
    const made = mergeMapping(effective, model, ofModel);
    layers.push(...ofModel);
    mappings[model] = made.mapping;
    faults.push(...shownFaults(made.faults, `mappings["${model}"].`));
  }
  const shown = { ...merged, ...(Object.keys(mappings).length === 0 ? {} : { mappings }) };
  return {
    connector: connector.id,
    version,
    revision,
    built_in: connector.manifest,
    layers: shownLayers(layers),
    effective: shown,
    changes: [...changesBetween(builtIn, { ...shown, mappings: undefined }), ...changesBetween(connector.manifest.mappings ?? {}, mappings, 'mappings')].map((change) => ({ ...change })),
    faults,
  };
}
