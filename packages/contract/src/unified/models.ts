/** The table of all unified models. */
import { ats } from './ats.ts';
import { crm } from './crm.ts';
import { hris } from './hris.ts';
import type { UnifiedModel } from './field.ts';
import { ticketing } from './ticketing.ts';

/** Category → resource → model: the addresses `/v1/unified/{category}/{resource}`. */
export const unifiedModels: Readonly<Record<string, Readonly<Record<string, UnifiedModel>>>> = { crm, hris, ats, ticketing };

/** `crm.contacts` → its model; undefined for a name that is none. */
export function modelNamed(name: string): UnifiedModel | undefined {
  const [category = '', resource = '', ...rest] = name.split('.');
  if (rest.length > 0 || !Object.hasOwn(unifiedModels, category)) return undefined;
  const models = unifiedModels[category] ?? {};
  return Object.hasOwn(models, resource) ? models[resource] : undefined;
}

/** Every name of a model: `crm.contacts`, `crm.companies`… */
export const modelNames: readonly string[] = Object.entries(unifiedModels).flatMap(([category, models]) => Object.keys(models).map((resource) => `${category}.${resource}`));
