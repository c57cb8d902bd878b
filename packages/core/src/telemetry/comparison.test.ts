/** Whose problem a failing endpoint is, for the two patterns that matter and for what proves neither. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareEndpoints, type EndpointCell } from './comparison.ts';

const cell = (more: Partial<EndpointCell>): EndpointCell => ({ connector: 'a', way: 'unified', endpoint: 'crm.contacts.list', vendorEndpoint: 'contacts.list', accounts: 20, failingAccounts: 0, total: 1000, platform: 0, upstream: 0, ...more });
const direct = (more: Partial<EndpointCell>): EndpointCell => cell({ way: 'direct', endpoint: 'contacts.list', ...more });
const verdicts = (...cells: EndpointCell[]) => compareEndpoints(cells).map(({ connector, way, whose, because }) => `${connector} ${way}: ${whose} ${because}`);

test('a vendor endpoint that fails for everyone, unified or not, is the vendor\'s', () => {
  assert.deepEqual(verdicts(cell({ upstream: 60, failingAccounts: 18 }), direct({ upstream: 50, failingAccounts: 15 })), ['a unified: upstream fails_direct_too', 'a direct: upstream own_attribution']);
});

test('a unified endpoint that fails for one connector, whose own endpoint is well, is ours', () => {
  assert.deepEqual(verdicts(cell({ upstream: 30, platform: 20, failingAccounts: 20 }), direct({}), cell({ connector: 'b' })), ['a unified: platform fails_only_unified'], 'whatever each request was attributed to');
  assert.deepEqual(verdicts(cell({ platform: 50, failingAccounts: 20 }), cell({ connector: 'b' })), ['a unified: platform other_connectors_well']);
});

test('well on other connectors, and refused by this vendor: the vendor\'s', () => {
  assert.deepEqual(verdicts(cell({ upstream: 50, failingAccounts: 20 }), cell({ connector: 'b' })), ['a unified: upstream other_connectors_well']);
});

test('failing on every connector inside the platform is ours', () => {
  assert.deepEqual(verdicts(cell({ platform: 50, failingAccounts: 20 }), cell({ connector: 'b', platform: 40, failingAccounts: 9 })), ['a unified: platform fails_on_every_connector', 'b unified: platform fails_on_every_connector']);
});

test('one account of many is that account\'s, few failures are nothing, mixed evidence is unclear', () => {
  assert.deepEqual(verdicts(cell({ upstream: 40, failingAccounts: 1 })), ['a unified: account one_account']);
  assert.deepEqual(verdicts(cell({ upstream: 4, failingAccounts: 3, total: 10 }), cell({ connector: 'b', upstream: 10, total: 1000, failingAccounts: 5 })), []);
  assert.deepEqual(verdicts(direct({ upstream: 25, platform: 25, failingAccounts: 9 })), ['a direct: unclear own_attribution']);
  assert.deepEqual(verdicts(direct({ upstream: 6, failingAccounts: 2, accounts: 2, total: 10 })), ['a direct: unclear too_little_volume']);
});

test('every failing cell gets one answer, and only those', () => {
  const any = fc.record({ connector: fc.constantFrom('a', 'b', 'c'), way: fc.constantFrom('unified' as const, 'direct' as const), accounts: fc.integer({ min: 0, max: 9 }), failingAccounts: fc.integer({ min: 0, max: 9 }), total: fc.integer({ min: 0, max: 400 }), platform: fc.integer({ min: 0, max: 99 }), upstream: fc.integer({ min: 0, max: 99 }) });
  fc.assert(
    fc.property(fc.array(any.map((more) => cell(more))), (cells) => {
      const failing = cells.filter(({ platform, upstream, total }) => platform + upstream >= 5 && total > 0 && (platform + upstream) / total >= 0.02);
      assert.equal(compareEndpoints(cells).length, failing.length);
    }),
  );
});
