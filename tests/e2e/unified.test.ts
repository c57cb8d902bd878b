/**
 * One suite for every connector of a category: the same calls, the same shapes. What a connector does not offer it says
 * (`GET /v1/connectors/{id}`), and the suite asks for exactly what is offered.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { OfferedModel } from '@evenkeel/contract/api/unified.ts';
import { modelNamed } from '@evenkeel/contract/unified/models.ts';
import { demoConnections, furtherConnections } from '@evenkeel/sandbox/demonstration.ts';
import { assembleCast, registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel, type RawAnswer } from '../harness/evenkeel.ts';
import { sampleOf } from '../harness/unified-sample.ts';

const evenkeel = await startTestEvenkeel();
const { client, call } = evenkeel;
const signal = AbortSignal.timeout(120_000);
await registerApps(client, signal);
// The suite makes more calls than vendors allow within a minute.
for (const [vendor, limits] of Object.entries({ hubspot: ['ten_secondly'], greenhouse: ['harvest'], pipedrive: ['burst'], bamboohr: ['requests'], zendesk: ['minute'], lever: ['second'], hibob: ['minute'], jira: ['requests'] })) {
  for (const name of limits) await fetch(`${evenkeel.sandbox.url}/_sandbox/limits/${vendor}`, { method: 'PUT', body: JSON.stringify({ [name]: { limit: 1_000_000, window_ms: 10_000 } }) });
}
const cast = await assembleCast(client, signal, () => undefined);
const further = await Promise.all(furtherConnections.map(async (plan) => ({ plan, account: await connectAccount(client, plan, undefined, signal) })));
const members = [...cast.members, ...further];

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
const validators = new Map<string, ValidateFunction>();
function validate(model: string, record: unknown): void {
  const schema = modelNamed(model)?.schema;
  assert.ok(schema);
  const check = validators.get(model) ?? ajv.compile(schema);
  validators.set(model, check);
  assert.ok(check(record), `${model}: ${ajv.errorsText(check.errors)} in ${JSON.stringify(record).slice(0, 600)}`);
}

type Json = Record<string, unknown>;
interface Subject {
  readonly connector: string;
  readonly account: string;
  readonly model: string;
  readonly offered: OfferedModel;
}

async function subjects(): Promise<Subject[]> {
  const found: Subject[] = [];
  for (const connector of new Set([...demoConnections, ...furtherConnections].map((plan) => plan.connector))) {
    const member = members.find(({ plan }) => plan.connector === connector);
    const { json } = await call('GET', `/v1/connectors/${connector}`);
    if (member === undefined) continue;
    for (const [model, offered] of Object.entries((json?.['unified'] ?? {}) as Record<string, OfferedModel>)) found.push({ connector, account: member.account.id, model, offered });
  }
  return found;
}

const path = (model: string): string => `/v1/unified/${model.replace('.', '/')}`;
const ask = (subject: Subject, method: string, rest = '', body?: unknown): Promise<RawAnswer> =>
  call(method, `${path(subject.model)}${rest}`, { headers: { 'evenkeel-account': subject.account }, ...(body === undefined ? {} : { body }) });

async function ok(pending: Promise<RawAnswer>, status = 200): Promise<Json> {
  const answer = await pending;
  assert.equal(answer.status, status, answer.text.slice(0, 800));
  return answer.json ?? {};
}

/** The query a list cannot do without: its required filter, filled with the first record it points to that has some. */
async function needed(subject: Subject): Promise<string> {
  const [name] = subject.offered.lists[0]?.required_filters ?? [];
  if (name === undefined) return '';
  const known = queries.get(`${subject.account} ${subject.model}`);
  if (known !== undefined) return known;
  const model = `${subject.model.split('.')[0] ?? ''}.${name.replace(/_id$/, 's')}`;
  const other = found.find((one) => one.connector === subject.connector && one.model === model);
  assert.ok(other, `${subject.connector} needs ${name}, and offers no ${model}`);
  const above = await needed(other);
  const page = await ok(ask(other, 'GET', `${above === '' ? '?' : `${above}&`}limit=50`));
  for (const { id } of page['results'] as Json[]) {
    const query = `?${name}=${encodeURIComponent(String(id))}`;
    const below = await ok(ask(subject, 'GET', `${query}&limit=1`));
    if ((below['results'] as Json[]).length === 0) continue;
    queries.set(`${subject.account} ${subject.model}`, query);
    return query;
  }
  return assert.fail(`no record of ${model} has any ${subject.model}`);
}
const queries = new Map<string, string>();

const found = await subjects();
const shapes = new Map<string, string>();

describe('every category', () => {
  it('is tried with every connector that has a unified model', async () => {
    const ids = ((await ok(call('GET', '/v1/connectors?limit=100')))['results'] as { id: string }[]).map(({ id }) => id);
    const mapped = await Promise.all(ids.map(async (id) => [id, Object.keys((await ok(call('GET', `/v1/connectors/${id}`)))['unified'] as Json).length] as const));
    assert.deepEqual(mapped.filter(([id, models]) => models > 0 && !found.some(({ connector }) => connector === id)).map(([id]) => id), []);
  });

  it('is served by the connectors that are said to serve it', () => {
    const served = (model: string): string[] => found.filter((one) => one.model === model).map(({ connector }) => connector);
    for (const model of ['crm.contacts', 'crm.companies', 'crm.deals', 'crm.notes', 'crm.users']) assert.ok(['hubspot', 'salesforce', 'pipedrive', 'zoho-crm'].every((one) => served(model).includes(one)), `${model}: ${served(model).join()}`);
    for (const model of ['hris.employees', 'hris.employments', 'hris.departments', 'hris.time_off']) assert.ok(['bamboohr', 'hibob'].every((one) => served(model).includes(one)), model);
    for (const model of ['ats.jobs', 'ats.candidates', 'ats.applications', 'ats.interviews']) assert.ok(['greenhouse', 'greenhouse-v3', 'lever'].every((one) => served(model).includes(one)), model);
    for (const model of ['ticketing.tickets', 'ticketing.comments', 'ticketing.users', 'ticketing.projects']) assert.ok(['linear', 'github', 'zendesk', 'jira'].every((one) => served(model).includes(one)), model);
  });
});

for (const subject of found) {
  const { connector, model, offered } = subject;
  describe(`${model} of ${connector}`, () => {
    it('lists records of the model, page by page, none twice, whatever the page size', async () => {
      const query = await needed(subject);
      const joint = query === '' ? '?' : `${query}&`;
      const seen = new Set<unknown>();
      let cursor: string | null = null;
      for (const limit of [3, 3, 7, 50]) {
        const page: Json = await ok(ask(subject, 'GET', `${joint}limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`));
        const results = page['results'] as Json[];
        for (const record of results) {
          validate(model, record);
          assert.ok(!seen.has(record['id']), `${String(record['id'])} came twice`);
          seen.add(record['id']);
          const shape = Object.keys(record).toSorted().join();
          assert.equal(shape, shapes.get(model) ?? shape, 'records have the shape they have elsewhere');
          shapes.set(model, shape);
          assert.ok(!('remote_data' in record));
        }
        cursor = page['next_cursor'] as string | null;
        if (cursor === null) break;
      }
      assert.ok(seen.size > 0, 'the sandbox has records');
    });

    it('answers with the fields asked for, and the vendor\'s record on request', async () => {
      const query = await needed(subject);
      const page = await ok(ask(subject, 'GET', `${query === '' ? '?' : `${query}&`}limit=2&fields=updated_at&remote_data=true`));
      for (const record of page['results'] as Json[]) {
        assert.deepEqual(Object.keys(record).toSorted(), ['id', 'remote_data', 'updated_at']);
        assert.equal(typeof record['remote_data'], 'object');
      }
    });

    it('filters by everything it says it filters by', async () => {
      for (const way of offered.lists) {
        const required = await needed({ ...subject, offered: { ...offered, lists: [way] } });
        const joint = required === '' ? '?' : `${required}&`;
        for (const name of way.filters.filter((one) => !way.required_filters.includes(one))) await filters(subject, joint, name);
        for (const sort of way.sort) await sorts(subject, joint, sort);
      }
    });

    if (offered.methods.includes('get')) {
      it('gets what it lists', async () => {
        const page = await ok(ask(subject, 'GET', `${(await needed(subject)) || '?'}&limit=2`.replace('?&', '?')));
        for (const listed of page['results'] as Json[]) {
          const record = await ok(ask(subject, 'GET', `/${encodeURIComponent(String(listed['id']))}`));
          validate(model, record);
          assert.equal(record['id'], listed['id']);
          for (const name of Object.keys(listed)) if (listed[name] !== null && name !== 'custom_fields' && typeof listed[name] !== 'object') assert.equal(record[name], listed[name], name);
        }
        const absent = await ask(subject, 'GET', `/${encodeURIComponent(absentId(page['results'] as Json[]))}`);
        assert.ok(['not_found', 'invalid_request', 'validation_failed'].includes(String(absent.json?.['code'])), absent.text.slice(0, 300));
      });
    }

    if (offered.methods.includes('create')) {
      it('creates, reads back, changes and deletes', async () => {
        const needs = offered.required.includes('custom_fields') ? await vendorNeeds(subject) : {};
        const input = { ...needs, ...(await sampleOf(model, offered, (other, field) => firstOf(subject, other, field))) };
        const created = await ok(ask(subject, 'POST', '', input), 201);
        validate(model, created);
        const { custom_fields: _own, ...shared } = input as Json;
        holds(created, shared);
        const at = `/${encodeURIComponent(String(created['id']))}`;
        if (offered.methods.includes('get')) holds(await ok(ask(subject, 'GET', at)), shared);
        if (offered.methods.includes('update')) {
          const [name] = ['name', 'title', 'first_name', 'last_name', 'job_title', 'content', 'body', 'description'].filter((one) => offered.writable.update.includes(one));
          if (name !== undefined) assert.equal((await ok(ask(subject, 'PATCH', at, { [name]: 'Changed Æ' })))[name], 'Changed Æ');
        }
        if (!offered.methods.includes('delete')) return;
        assert.equal((await ask(subject, 'DELETE', at)).status, 204);
      });

      it('refuses what the model or the vendor cannot hold, before the vendor is asked', async () => {
        for (const body of [{ id: '1' }, { created_at: '2026-01-01T00:00:00Z' }, { nonsense: 1 }, [], 'text', { __proto__x: { a: 1 } }]) {
          const answer = await ask(subject, 'POST', '', body);
          assert.equal(answer.json?.['code'], 'validation_failed', answer.text);
          assert.equal(answer.json['origin'], 'caller');
        }
      });
    }

    it('says what it does not offer', async () => {
      const missing = (['create', 'update', 'delete'] as const).filter((method) => !offered.methods.includes(method));
      for (const method of missing) {
        const answer = await ask(subject, { create: 'POST', update: 'PATCH', delete: 'DELETE' }[method], method === 'create' ? '' : '/1', method === 'delete' ? undefined : {});
        assert.equal(answer.json?.['code'], 'unsupported_operation', answer.text);
      }
      const unknown = await ask(subject, 'GET', '?colour=red');
      assert.equal(unknown.json?.['code'], 'invalid_request');
    });
  });
}

/** What one vendor wants beyond the model, as a caller would find it out: by the proxy. */
async function vendorNeeds(subject: Subject): Promise<Json> {
  const teams = await ok(call('GET', '/v1/proxy/teams?limit=1', { headers: { 'evenkeel-account': subject.account } }));
  return { custom_fields: { teamId: (teams['results'] as Json[])[0]?.['id'] } };
}

async function firstOf(subject: Subject, model: string, field: string): Promise<unknown> {
  const other = found.find((one) => one.connector === subject.connector && one.model === model);
  if (other === undefined) return undefined;
  const required = await needed(other);
  const page = await ok(ask(other, 'GET', `${required === '' ? '?' : `${required}&`}limit=50`));
  return (page['results'] as Json[]).map((record) => record[field]).find((value) => typeof value === 'string');
}

/** Shaped like an id of this vendor, and of nothing. */
function absentId([first]: readonly Json[]): string {
  const id = String(first?.['id'] ?? '1');
  return /\d/.test(id) ? id.replace(/\d+(?!.*\d)/, (digits) => '9'.repeat(Math.max(digits.length, 6))) : `${id}-absent`;
}

function holds(record: Json, input: Json): void {
  for (const [name, value] of Object.entries(input)) {
    if (Array.isArray(value)) assert.deepEqual((record[name] as unknown[]).slice(0, value.length), value, name);
    else assert.deepEqual(record[name], value, name);
  }
}

async function filters(subject: Subject, joint: string, name: string): Promise<void> {
  const all = (await ok(ask(subject, 'GET', `${joint}limit=50`)))['results'] as Json[];
  const time = /^(.*)_(after|before)$/.exec(name);
  if (time !== null) {
    const [, stem = '', side] = time;
    const field = [`${stem}_at`, `${stem}_on`].find((one) => all[0] !== undefined && one in all[0]) ?? `${stem}_at`;
    const moments = all.map((record) => record[field]).filter((value) => typeof value === 'string').toSorted();
    const middle = moments[Math.floor(moments.length / 2)] ?? '2026-01-01T00:00:00.000Z';
    const page = (await ok(ask(subject, 'GET', `${joint}limit=50&${name}=${encodeURIComponent(middle)}`)))['results'] as Json[];
    // The instant itself is included.
    if (moments.length > 0) assert.ok(page.length > 0, `${name}=${middle} finds nothing of what was listed`);
    for (const record of page) {
      const value = record[field];
      if (typeof value === 'string') assert.ok(side === 'after' ? value >= middle : value <= middle, `${name}: ${value} against ${middle}`);
    }
    return;
  }
  const sample = all.map((record) => record[name]).find((value) => typeof value === 'string' || typeof value === 'boolean');
  const value = sample ?? (name.endsWith('email') ? emailIn(all) : undefined);
  if (value === undefined) return;
  const page = (await ok(ask(subject, 'GET', `${joint}limit=50&${name}=${encodeURIComponent(String(value))}`)))['results'] as Json[];
  assert.ok(page.length > 0, `${name}=${String(value)} finds what was listed`);
  if (sample !== undefined) for (const record of page) assert.equal(record[name], value, name);
}

function emailIn(records: readonly Json[]): string | undefined {
  return records.flatMap((record) => (Array.isArray(record['emails']) ? (record['emails'] as { address: string }[]) : [])).map(({ address }) => address)[0];
}

async function sorts(subject: Subject, joint: string, sort: string): Promise<void> {
  const page = (await ok(ask(subject, 'GET', `${joint}limit=50&sort=${sort}`)))['results'] as Json[];
  const name = sort.replace('-', '');
  assert.ok(page.length > 0, `nothing is listed by ${sort}`);
  if (!name.endsWith('_at')) return;
  const moments = page.map((record) => record[name]).filter((value) => typeof value === 'string');
  const sorted = moments.toSorted();
  assert.deepEqual(moments, sort.startsWith('-') ? sorted.toReversed() : sorted, `sorted by ${sort}`);
}
