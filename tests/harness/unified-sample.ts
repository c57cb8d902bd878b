/** A record to write of each unified model, made of what a connector says can be written. */
import type { OfferedModel } from '@evenkeel/contract/api/unified.ts';

/** The value of a field of the first record of a model that has one. */
type Look = (model: string, field: string) => Promise<unknown>;

const plain: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'crm.contacts': { first_name: 'Inès', last_name: 'Ødegård', title: 'Captain', emails: [{ address: 'ines.unified@vessel.example', type: 'work' }] },
  'crm.companies': { name: 'Øre & Søn “unified”' },
  'crm.deals': { name: 'Unified deal', amount: 1250.5, close_date: '2026-12-24' },
  'crm.notes': { content: 'Unified note' },
  'hris.employees': { first_name: 'Ása', last_name: 'Unified', work_email: 'asa.unified@vessel.example', job_title: 'Skipper', hired_on: '2026-02-01' },
  'hris.time_off': { status: 'requested', starts_on: '2026-12-01', ends_on: '2026-12-02', amount: 2 },
  'ats.jobs': { title: 'Unified job' },
  'ats.candidates': { name: 'Zoë Unified', first_name: 'Zoë', last_name: 'Unified', emails: [{ address: 'zoe.unified@vessel.example', type: 'home' }] },
  'ats.interviews': { starts_at: '2026-12-01T10:00:00.000Z', ends_at: '2026-12-01T11:00:00.000Z' },
  'ticketing.tickets': { title: 'Unified „Größe“', description: 'Steps…' },
  'ticketing.comments': { body: 'Unified comment' },
  'ticketing.projects': { name: 'Unified project' },
  'ticketing.users': { name: 'Zoë Unified', email: 'zoe.unified@vessel.example' },
};
/** Field → the model whose first record it points to. */
const pointers: Readonly<Record<string, string>> = { contact_id: 'contacts', owner_id: 'users', company_id: 'companies', employee_id: 'employees', candidate_id: 'candidates', job_id: 'jobs', application_id: 'applications', project_id: 'projects', ticket_id: 'tickets' };

/** Vendors want a note to hang on something, whatever it is. */
const hangsOn = (model: string, name: string): boolean => model === 'crm.notes' && name === 'contact_id';

/** Only what create writes; ids of what it needs are looked up. */
export async function sampleOf(model: string, { required, writable }: OfferedModel, look: Look): Promise<Record<string, unknown>> {
  const [category = ''] = model.split('.');
  const sample: Record<string, unknown> = Object.fromEntries(Object.entries(plain[model] ?? {}).filter(([name]) => writable.create.includes(name)));
  for (const [name, target] of Object.entries(pointers)) {
    if (!writable.create.includes(name) || (!required.includes(name) && target !== 'users' && !hangsOn(model, name))) continue;
    const id = await look(`${category}.${target}`, 'id');
    if (id !== undefined) sample[name] = id;
  }
  for (const name of ['stage', 'type_id', 'location']) if (required.includes(name)) sample[name] = await look(model, name);
  return sample;
}
