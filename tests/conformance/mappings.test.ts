/**
 * Every mapping of every connector, tried with records that nobody wrote: what both sides can hold survives the way
 * there and back, and whatever a vendor sends ends as a record of the model or as a failure with its place.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import type { FieldMapping, FieldRule, Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { modelNamed } from '@evenkeel/contract/unified/models.ts';
import { compileConnector } from '@evenkeel/core/connectors/compile.ts';
import { ruleOf } from '@evenkeel/core/connectors/mapping/mapping-rule.ts';
import { pathsOf } from '@evenkeel/core/connectors/mapping/mapping-select.ts';
import type { FieldShape, ScalarShape } from '@evenkeel/core/connectors/mapping/mapping-shape.ts';
import { compileSetter } from '@evenkeel/core/connectors/mapping/mapping-write.ts';
import type { CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';
import { connectorFolders } from './connector-folder.ts';

const mappings: { readonly name: string; readonly mapping: CompiledMapping }[] = connectorFolders().flatMap(({ id, manifest }) => {
  const compiled = compileConnector(manifest);
  assert.ok(compiled.ok, `${id} does not compile`);
  const models = Object.keys(compiled.connector.manifest.mappings ?? {});
  return models.flatMap((model) => {
    const mapping = compiled.connector.mapping(model);
    return mapping === undefined ? [] : [{ name: `${model} of ${id}`, mapping }];
  });
});

const ajv = new Ajv({ strict: false });
addFormats.default(ajv);
const validators = new Map<string, ValidateFunction>();
function faultOf(model: string, record: unknown): string | undefined {
  const check = validators.get(model) ?? ajv.compile(modelNamed(model)?.schema ?? {});
  validators.set(model, check);
  return check(record) ? undefined : `${ajv.errorsText(check.errors)} in ${JSON.stringify(record).slice(0, 400)}`;
}

/** Read and written at one place, by conversions that lose nothing. */
function isMirror(field: FieldMapping | undefined, shape: FieldShape): boolean {
  if (field === undefined) return false;
  const rule = ruleOf(field);
  if (rule.read !== undefined || rule.write !== undefined || rule.template !== undefined || rule.list !== undefined || shape.readOnly) return false;
  if (shape.kind === 'group') return rule.object !== undefined && [...shape.fields].every(([name, inner]) => rule.object?.[name] === undefined || isMirror(rule.object[name], inner));
  if (shape.kind === 'groups') {
    const object = rule.item === undefined ? undefined : ruleOf(rule.item).object;
    return rule.each !== undefined && object !== undefined && [...shape.fields].every(([name, inner]) => isMirror(object[name], inner));
  }
  if (shape.kind === 'texts') return rule.item === undefined ? (rule.path ?? rule.each) !== undefined : typeof rule.item === 'string' && rule.each !== undefined;
  return rule.path !== undefined && !(shape.kind === 'moment' && rule.date === 'date');
}

function valuesOf(field: FieldMapping, shape: FieldShape): fc.Arbitrary<unknown> {
  const rule = ruleOf(field);
  if (shape.kind === 'group') return membersOf(rule.object ?? {}, shape.fields).filter((group) => Object.keys(group).length > 0);
  if (shape.kind === 'groups') return fc.array(membersOf(rule.item === undefined ? {} : (ruleOf(rule.item).object ?? {}), shape.fields, true), { maxLength: 3 });
  if (shape.kind === 'texts') return fc.array(plainText(rule), { maxLength: 4 });
  return scalarOf(rule, shape as ScalarShape);
}

function membersOf(object: Readonly<Record<string, FieldMapping>>, fields: ReadonlyMap<string, FieldShape>, whole = false): fc.Arbitrary<Record<string, unknown>> {
  const mapped = [...fields].flatMap(([name, shape]) => (object[name] === undefined ? [] : [[name, valuesOf(object[name], shape)] as const]));
  return fc.record(Object.fromEntries(mapped), whole ? {} : { requiredKeys: [] });
}

const plainText = ({ split = '\u0000' }: FieldRule): fc.Arbitrary<string> => fc.string({ minLength: 1 }).filter((text) => text.trim() === text && !text.includes(split));

function scalarOf(rule: FieldRule, shape: ScalarShape): fc.Arbitrary<unknown> {
  if (rule.enum !== undefined) return fc.constantFrom(...Object.keys(rule.enum)).map((name) => (shape.kind === 'flag' ? name === 'true' : name));
  switch (shape.kind) {
    case 'text':
      return rule.as === 'number' ? fc.nat().map(String) : plainText(rule).filter((text) => !(rule.empty ?? []).includes(text));
    case 'number':
      return fc.integer({ min: -1e9, max: 1e9 }).map((number) => number / 100);
    case 'integer':
      return fc.integer();
    case 'flag':
      return fc.boolean();
    case 'moment':
      return fc.integer({ min: 200_000_000, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1000).toISOString());
    case 'day':
      return fc.integer({ min: 10_000, max: 40_000 }).map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10));
    case 'choice':
      return fc.constantFrom(...shape.values);
  }
}

/** What a record needs so that it has an id, unless it is written already. */
function giveId({ fields: { id } }: Mapping, record: Record<string, unknown>): void {
  for (const path of id === undefined ? [] : pathsOf(id)) {
    const top = path.split('.')[0] ?? '';
    if (!(top in record) || path.includes('.')) compileSetter(path)(record, '7');
  }
}

async function readBack(mapping: CompiledMapping, input: Record<string, unknown>): Promise<void> {
  const written = mapping.fromUnified(input, 'update');
  assert.ok(written.ok, JSON.stringify(written));
  const record: Record<string, unknown> = structuredClone(written.body);
  giveId(mapping.source, record);
  const back = await mapping.toUnified(record, new Set(Object.keys(input)));
  assert.ok(back.ok, JSON.stringify(back));
  for (const [name, value] of Object.entries(input)) assert.deepEqual(withoutNulls(back.record[name]), withoutNulls(value), name);
}

/** A group's or member's field that was not given comes back as null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

const odd = fc.constantFrom<unknown>(null, '', ' ', 0, -1, 1e308, true, false, '2026-02-30', '2026-11-24T10:00:00Z', 1_795_000_000, 'yes', '12', '1e5', 'x'.repeat(5_000), [], {}, [[]], [null], 'open', '0000-00-00');

/** Records made of the very keys the mapping reads, with anything under them. */
function nonsenseFor({ source }: CompiledMapping): fc.Arbitrary<unknown> {
  const paths = Object.values(source.fields).flatMap(pathsOf);
  const keys = [...new Set([...paths.flatMap((path) => path.split(/[.[\]]+/)), '__proto__', 'constructor', 'value', 'label'])].filter((key) => key !== '' && !/^\d+$/.test(key));
  return fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof({ depthSize: 'medium', withCrossShrink: true }, odd, fc.dictionary(fc.constantFrom(...keys), tie('node'), { minKeys: 1, maxKeys: 8 }), fc.array(tie('node'), { maxLength: 3 })),
  })).node;
}

/** Records as they should be, but for one place. */
function almostRightFor(mapping: CompiledMapping): fc.Arbitrary<unknown> {
  const paths = [...new Set(Object.values(mapping.source.fields).flatMap(pathsOf))].filter((path) => path !== '' && !/[[\s]/.test(path));
  return fc.record({ place: fc.constantFrom(...paths), value: odd, more: fc.option(fc.constantFrom(...paths)) }).map(({ place, value, more }) => {
    const record: Record<string, unknown> = {};
    for (const [name, shape] of mapping.fields) {
      const rule = mapping.source.fields[name];
      for (const path of shape.required && rule !== undefined ? pathsOf(rule).filter((one) => paths.includes(one)) : []) compileSetter(path)(record, shape.kind === 'day' ? '2026-11-24' : '7');
    }
    // Copies: setting goes on into what is there.
    compileSetter(place)(record, structuredClone(value));
    if (more !== null) compileSetter(more)(record, structuredClone(value));
    return record;
  });
}

describe('every mapping', () => {
  test('is among those tried', () => assert.ok(mappings.length >= 50, `${mappings.length} mappings`));

  for (const { name, mapping } of mappings) {
    test(`keeps there and back what both sides can hold: ${name}`, async () => {
      const serving = mapping.methods.update ?? mapping.methods.create;
      const mirrors = [...mapping.fields].filter(([field, shape]) => isMirror(mapping.source.fields[field], shape) && mapping.writable.has(field) && (serving?.fields === undefined || serving.fields.has(field)));
      if (mirrors.length === 0) return;
      const input = fc.record(Object.fromEntries(mirrors.map(([field, shape]) => [field, valuesOf(mapping.source.fields[field] ?? '', shape)])), { requiredKeys: [] });
      await fc.assert(fc.asyncProperty(input, (made) => readBack(mapping, made)), { numRuns: 60 });
    });

    test(`survives whatever a vendor sends: ${name}`, async () => {
      let passed = 0;
      await fc.assert(
        fc.asyncProperty(fc.oneof(nonsenseFor(mapping), { arbitrary: almostRightFor(mapping), weight: 3 }), async (sent) => {
          const record: unknown = JSON.parse(JSON.stringify(sent));
          const before = JSON.stringify(record);
          assert.equal(typeof mapping.belongs(record), 'boolean');
          const made = await mapping.toUnified(record);
          if (made.ok) {
            passed += 1;
            assert.equal(faultOf(mapping.model, JSON.parse(JSON.stringify(made.record))), undefined);
          } else assert.ok(typeof made.path === 'string' && made.message !== '');
          assert.equal(JSON.stringify(record), before, 'the record is left alone');
          assert.equal(Object.keys(Object.prototype).length, 0);
        }),
        { numRuns: 120 },
      );
      assert.ok(passed > 0, 'no record passed, so that the schema was never asked');
    });
  }
});
