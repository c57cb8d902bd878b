/** The `webhooks` section of a connector compiled once: receiving, splitting, giving meaning. */
import type { EventRules, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import type { Connector } from '../connectors/connector.ts';
import { compileReceive, type CompiledReceive } from './receive.ts';
import { compileSplit, type CompiledSplit } from './split.ts';
import { compileUnify, type CompiledUnify } from './unify.ts';

export interface CompiledWebhooks {
  readonly source: Webhooks;
  readonly receive: CompiledReceive;
  readonly split: CompiledSplit;
  readonly unify: CompiledUnify;
}

const compiled = new WeakMap<Connector, CompiledWebhooks>();

/** Undefined for a connector that declares none. */
export function webhooksOf(connector: Connector): CompiledWebhooks | undefined {
  const source = connector.manifest.webhooks;
  if (source === undefined) return undefined;
  const known = compiled.get(connector);
  if (known !== undefined) return known;
  const made: CompiledWebhooks = { source, receive: compileReceive(source), split: compileSplit(source), unify: compileUnify(source) };
  compiled.set(connector, made);
  return made;
}

/** How events are read, of every form the vendor sends. */
export const eventRulesOf = ({ event, shapes = [] }: Pick<Webhooks, 'event' | 'shapes'>): EventRules[] => [...shapes.map((shape) => shape.event), ...(event === undefined ? [] : [event])];
