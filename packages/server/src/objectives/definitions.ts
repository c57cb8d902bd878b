/** What this room evaluates: objectives and policy of the playbook, and agreements from the playbook and the API. */
import type { Agreement, Terms } from '@evenkeel/contract/playbook/agreements.ts';
import { defineAgreement, type AgreementDefinition } from '@evenkeel/core/objectives/agreement.ts';
import { defineObjectives, definePolicy, type BudgetPolicy, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import type { Queryable } from '../database/pool.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { listAgreements } from './agreements/agreement-store.ts';

export interface Definitions {
  readonly objectives: readonly ObjectiveDefinition[];
  readonly policy: BudgetPolicy;
  readonly terms: Readonly<Record<string, Terms>>;
  readonly agreementsOfFile: readonly Agreement[];
}

export function definitionsOf(playbook: Playbook): Definitions {
  const policy = definePolicy(playbook.budgetPolicy);
  return { policy, objectives: defineObjectives(playbook.objectives, policy), terms: playbook.agreements.terms, agreementsOfFile: playbook.agreements.agreements };
}

export interface KnownAgreement {
  readonly source: 'playbook' | 'api';
  readonly written: Agreement;
  readonly definition: AgreementDefinition;
}

/** Agreements of the file and of the API; of two with one id the file's counts. One whose terms have gone is left out. */
export async function readAgreements(database: Queryable, { terms, agreementsOfFile }: Definitions): Promise<KnownAgreement[]> {
  const ofFile = new Set(agreementsOfFile.map(({ id }) => id));
  const stored = (await listAgreements(database)).filter(({ id }) => !ofFile.has(id));
  const known = (source: KnownAgreement['source'], written: Agreement): KnownAgreement[] =>
    Object.hasOwn(terms, written.terms) ? [{ source, written, definition: defineAgreement(written, terms) }] : [];
  return [...agreementsOfFile.flatMap((one) => known('playbook', one)), ...stored.flatMap((one) => known('api', one))].toSorted((a, b) => (a.written.id < b.written.id ? -1 : 1));
}
