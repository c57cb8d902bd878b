/** What a request names: an objective of the playbook, and a scope its key may see. */
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import type { Caller } from '../../access/keys.ts';
import { Refusal } from '../../http/problem.ts';
import type { Definitions } from '../definitions.ts';
import { readScope, writeScope, type Scope } from './scopes.ts';

/** The scope asked for; a tenant's key sees its own tenant only, and that by default. */
export function scopeFor(caller: Caller, text: string | undefined): Scope {
  const own: Scope = caller.tenantId === null ? { kind: 'overall', id: '' } : { kind: 'tenant', id: caller.tenantId };
  if (text === undefined) return own;
  const scope = readScope(text);
  if (scope === undefined) throw new Refusal('invalid_request', `"${text}" is no scope. Write overall, connector:<id>, category:<id> or tenant:<id>.`);
  if (caller.tenantId !== null && writeScope(scope) !== writeScope(own)) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId} and sees the scope ${writeScope(own)} only.`);
  return scope;
}

export function findObjective({ objectives }: Definitions, id: string): ObjectiveDefinition {
  const found = objectives.find((one) => one.id === id);
  if (found === undefined) throw new Refusal('not_found', `There is no objective ${id}. The playbook has: ${objectives.map((one) => one.id).join(', ') || 'none'}.`);
  return found;
}

export function requireScope(objective: ObjectiveDefinition, scope: Scope): void {
  if (!objective.scopes.includes(scope.kind)) throw new Refusal('not_found', `The objective ${objective.id} is not kept by ${scope.kind}; its scopes are ${objective.scopes.join(', ')}.`);
}
