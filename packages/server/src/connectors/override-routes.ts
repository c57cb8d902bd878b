/** Routes for overrides of mappings: what is in effect for whom, and changing one layer. */
import Type from 'typebox';
import { EffectiveMapping, MappingLayerQuery, MappingParams, type MappingLayer } from '@evenkeel/contract/api/mapping-overrides.ts';
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import { changesBetween, faultOfPatch } from '@evenkeel/core/connectors/mapping/mapping-merge.ts';
import type { Caller } from '../access/keys.ts';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import type { ActiveConnector } from './catalogue.ts';
import { merge, type MappingOverrides, type MappingOwner } from './mapping-overrides.ts';
import { removeOverride, tenantOf, writeOverride, type OverrideRow } from './override-store.ts';
import { unknownConnector, type ConnectorRegistry } from './registry.ts';

interface Parts {
  readonly registry: ConnectorRegistry;
  readonly overrides: MappingOverrides;
  readonly database: Queryable;
}
type Query = Type.Static<typeof MappingLayerQuery>;
interface Target {
  readonly active: ActiveConnector;
  readonly owner: MappingOwner;
  readonly layer: MappingLayer;
  readonly layerOwner: string;
}

export function overrideRoutes(parts: Parts): Route[] {
  const { overrides, database } = parts;
  const path = '/v1/connectors/:id/mappings/:model';
  const common = { tag: 'connectors', access: 'admin' } as const;
  const schema = { params: MappingParams, query: MappingLayerQuery, response: { 200: EffectiveMapping } } as const;
  return [
    route({
      ...common, access: 'read', method: 'GET', path, summary: 'A mapping as it is in effect for an account, a tenant or the installation, layer by layer', audit: { none: 'reads only' }, schema,
      async handle({ params, query, caller }) {
        const target = await targetOf(parts, params, query, caller);
        return shown(target.active, params.model, overrides.layers(params.id, params.model, target.owner));
      },
    }),
    route({
      ...common, method: 'PUT', path: `${path}/override`, summary: 'Override a mapping in one layer, by a JSON merge patch (RFC 7396)', audit: { action: 'mapping.override' }, bodyLimit: 262_144,
      schema: { ...schema, body: Type.Unknown({ description: 'A merge patch on the mapping.' }) },
      async handle({ params, query, body, caller }) {
        const { active, owner, layer, layerOwner } = await targetOf(parts, params, query, caller);
        const refused = faultOfPatch(body);
        if (refused !== undefined) throw new Refusal('validation_failed', `The override ${refused}.`);
        const others = overrides.layers(params.id, params.model, owner).filter((one) => one.layer !== layer);
        const key = { connectorId: params.id, model: params.model, layer, owner: layerOwner };
        const mine: OverrideRow = { ...key, patch: body, revision: 0, updatedBy: '', updatedAt: new Date(0) };
        const { faults } = merge(active.connector, params.model, inOrder([...others, mine]));
        if (faults.length > 0) throw new Refusal('connector_invalid', `With this override the mapping has ${faults.length} fault(s), nothing was changed. Mend what errors lists and send it again.`, { errors: faults.map(({ path: at, message }) => ({ path: at, message })) });
        await writeOverride(database, key, body, `key:${caller.keyId}`);
        await overrides.load();
        return shown(active, params.model, overrides.layers(params.id, params.model, owner));
      },
    }),
    route({
      ...common, method: 'DELETE', path: `${path}/override`, summary: 'Remove the override of one layer', audit: { action: 'mapping.override_removed' }, schema,
      async handle({ params, query, caller }) {
        const { active, owner, layer, layerOwner } = await targetOf(parts, params, query, caller);
        if (!(await removeOverride(database, { connectorId: params.id, model: params.model, layer, owner: layerOwner }))) throw new Refusal('not_found', `There is no override of ${params.model} in the layer ${layer}.`);
        await overrides.load();
        return shown(active, params.model, overrides.layers(params.id, params.model, owner));
      },
    }),
  ];
}

const order: readonly MappingLayer[] = ['installation', 'tenant', 'account'];
const inOrder = (rows: readonly OverrideRow[]): OverrideRow[] => rows.toSorted((a, b) => order.indexOf(a.layer) - order.indexOf(b.layer));

async function targetOf({ registry, database }: Parts, { id, model }: { id: string; model: string }, { tenant_id: tenantId, account_id: accountId }: Query, caller: Caller): Promise<Target> {
  if (caller.tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}, and mappings are the installation's. Use a key without a tenant.`);
  if (modelNamed(model) === undefined) throw new Refusal('not_found', `There is no unified model ${model}. There are: ${modelNames.join(', ')}.`);
  const active = registry.get(id, accountId);
  if (active === undefined) throw unknownConnector(id);
  if (accountId === undefined) return tenantId === undefined ? { active, owner: {}, layer: 'installation', layerOwner: '' } : { active, owner: { tenantId }, layer: 'tenant', layerOwner: tenantId };
  const ofAccount = await tenantOf(database, accountId, id);
  if (ofAccount === undefined || (tenantId !== undefined && tenantId !== ofAccount)) throw new Refusal('not_found', `There is no account ${accountId} of ${id}.`);
  return { active, owner: { tenantId: ofAccount, accountId }, layer: 'account', layerOwner: accountId };
}

function shown({ connector, version }: ActiveConnector, model: string, layers: readonly OverrideRow[]): EffectiveMapping {
  const builtIn: unknown = connector.mapping(model)?.source ?? null;
  const { mapping, faults } = merge(connector, model, layers);
  const effective = builtIn === null && layers.length === 0 ? null : mapping;
  return {
    connector: connector.id,
    version,
    model,
    built_in: builtIn,
    layers: layers.map(({ layer, owner, patch, revision, updatedBy, updatedAt }) => ({ layer, owner, patch, revision, updated_by: updatedBy, updated_at: updatedAt.toISOString() })),
    effective,
    changes: changesBetween(builtIn ?? {}, effective ?? {}).map((change) => ({ ...change })),
    faults: effective === null ? [] : faults.map(({ path, message }) => ({ path, message })),
  };
}
