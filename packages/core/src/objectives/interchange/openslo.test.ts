import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { Objective } from '@evenkeel/contract/playbook/objectives.ts';
import { defineObjectives, definePolicy } from '../definition.ts';
import { isOpenSlo, readSlo, type OpenSloDocument } from './openslo-reading.ts';
import { openSloDocuments } from './openslo.ts';

const rule = { freeze: 'none' as const, notify: [], actions: [] };
const policy = definePolicy({
  version: 1,
  edges: { caution: 75, restricted: 50, critical: 25 },
  hysteresis: 2,
  modes: { normal: rule, caution: rule, restricted: rule, critical: rule, exhausted: rule },
  burn_alerts: [{ id: 'fast-burn', factor: 14.4, long_window: '1h', short_window: '5m', severity: 'P1', notify: [] }],
  minimum: { events: 1, bad: 1 },
  min_coverage: 50,
  gate: { when_unknown: 'allow', stale_after_minutes: 10, max_override_hours: 72 },
  deployments: { compare_minutes: 30, factor: 2, min_bad: 5, max_p: 0.01 },
} satisfies BudgetPolicyFile);
const indicators = { calls: { measure: 'availability', upstream: 'excluded' } } as const;
const exported = (objective: Objective): OpenSloDocument => {
  const documents = openSloDocuments(defineObjectives({ version: 1, indicators: { ...indicators }, objectives: [objective] }, policy), policy);
  const slo = documents.find(({ kind }) => kind === 'SLO');
  assert.ok(slo !== undefined && documents.every(isOpenSlo));
  return slo;
};
const imported = (document: OpenSloDocument) => {
  const read = readSlo(document, Object.keys(indicators));
  assert.ok(read.ok, read.ok ? '' : read.faults.join('\n'));
  return read.objective;
};

const windows = fc.oneof(
  fc.integer({ min: 1, max: 90 }).map((days) => ({ rolling_days: days })),
  fc.record({ calendar: fc.constantFrom('week' as const, 'month' as const, 'quarter' as const), time_zone: fc.constantFrom('UTC', 'Europe/Berlin') }, { noNullPrototype: true }),
);
const objectives: fc.Arbitrary<Objective> = fc.record({
  id: fc.constantFrom('one', 'another-one'),
  title: fc.constantFrom('A title', 'one'),
  indicator: fc.constant('calls'),
  target: fc.bigInt(1n, 999_999_999n).map((ppb) => `${ppb / 10_000_000n}.${String(ppb % 10_000_000n).padStart(7, '0')}`),
  window: windows,
  method: fc.constant('events' as const),
  scopes: fc.subarray(['overall', 'connector', 'category', 'tenant'] as const, { minLength: 1 }).map((kinds) => [...kinds]),
});

test('an objective survives the way to OpenSLO and back', () => {
  fc.assert(
    fc.property(objectives, (objective) => {
      const { openslo: _kept, service, target, ...back } = imported(exported(objective));
      const { target: wanted, ...rest } = objective;
      assert.deepEqual([back, service, Number(target)], [rest, 'evenkeel', Number(wanted)]);
    }),
    { numRuns: 500 },
  );
});

test('a foreign document survives the way through the playbook, with everything Evenkeel does not know', () => {
  const foreign = fc.dictionary(fc.stringMatching(/^x[a-zA-Z]{1,8}$/), fc.jsonValue(), { maxKeys: 3 });
  fc.assert(
    fc.property(objectives, foreign, foreign, foreign, fc.boolean(), (objective, inMetadata, inSpec, inTarget, percent) => {
      const made = exported(objective);
      const [first] = made.spec['objectives'] as [{ target: number }];
      const { target, ...others } = first;
      const document: OpenSloDocument = {
        ...made,
        metadata: { labels: { team: 'a' }, ...inMetadata, ...made.metadata },
        spec: { ...inSpec, ...made.spec, objectives: [{ ...inTarget, ...others, ...(percent && objective.target === '99.5000000' ? { targetPercent: 99.5 } : { target }) }] },
      };
      assert.deepEqual(exported(imported(document)), document);
    }),
    { numRuns: 500 },
  );
});

test('what changed since the import is rewritten, the rest stays', () => {
  const document = exported({ id: 'one', title: 'One', indicator: 'calls', target: 99.9, window: { rolling_days: 28 }, method: 'events', scopes: ['overall'] });
  const withMore: OpenSloDocument = { ...document, spec: { ...document.spec, objectives: [{ targetPercent: 99.9, op: 'lte', value: 1 }], xOwner: 'payments' } };
  assert.deepEqual(exported(imported(withMore)), withMore);
  const { openslo, ...rest } = imported(withMore);
  const changed = exported({ ...rest, target: 99.95, ...(openslo === undefined ? {} : { openslo }) });
  assert.deepEqual(changed.spec['objectives'], [{ op: 'lte', value: 1, target: 0.9995 }]);
  assert.equal(changed.spec['xOwner'], 'payments');
  const wider = exported({ ...rest, scopes: ['overall', 'tenant'], ...(openslo === undefined ? {} : { openslo }) });
  assert.deepEqual([wider.spec, imported(wider).scopes], [withMore.spec, ['overall', 'tenant']]);
  const slices = exported({ id: 'one', title: 'One', indicator: 'calls', target: 99.9, window: { rolling_days: 28 }, method: 'time_slices', slice: { bad_above: 5 }, scopes: ['overall'] });
  const { openslo: kept, ...sliced } = imported(slices);
  assert.equal(sliced.slice?.bad_above, '5');
  const sharper = exported({ ...sliced, target: 99.95, slice: { bad_above: 1 }, ...(kept === undefined ? {} : { openslo: kept }) });
  assert.deepEqual((sharper.spec['objectives'] as { target: number; timeSliceTarget: number }[]).map(({ target, timeSliceTarget }) => [target, timeSliceTarget]), [[0.9995, 0.99]]);
});

test('what cannot be counted here is said', () => {
  const document = exported({ id: 'one', title: 'One', indicator: 'calls', target: 99.9, window: { rolling_days: 28 }, method: 'events', scopes: ['overall'] });
  const faults = (spec: object, metadata: object = {}): string => {
    const read = readSlo({ ...document, metadata: { ...document.metadata, ...metadata }, spec: { ...document.spec, ...spec } }, ['calls']);
    return read.ok ? '' : read.faults.join('\n');
  };
  assert.match(faults({ budgetingMethod: 'RatioTimeslices' }), /RatioTimeslices is not counted/);
  assert.match(faults({ timeWindow: [{ duration: '1m', isRolling: true }] }), /1d to 90d/);
  assert.match(faults({ timeWindow: [{ duration: '1m', isRolling: false, calendar: { timeZone: 'UTC' } }] }), /1w, 1M or 1Q/);
  assert.match(faults({ objectives: [{ target: 1.5 }] }), /target/);
  assert.match(faults({ indicator: { metadata: { name: 'theirs' } } }, { annotations: {} }), /--indicator/);
});
