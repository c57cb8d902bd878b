import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { accountEventTypes, accountStates, type AccountState } from '@evenkeel/contract/accounts.ts';
import { accountEdges, transition, type AccountEvent } from './state-machine.ts';

const anyEvent: fc.Arbitrary<AccountEvent> = fc.oneof(
  fc.constantFrom<AccountEvent>(
    { type: 'credentials_submitted' },
    { type: 'validation_failed' },
    { type: 'post_install_failed' },
    { type: 'grant_rejected' },
    { type: 'retry_requested' },
    { type: 'deleted' },
  ),
  fc.boolean().map((called): AccountEvent => ({ type: 'setup_passed', called })),
  fc.boolean().map((regranted): AccountEvent => ({ type: 'call_succeeded', regranted })),
);
const anyState = fc.constantFrom<AccountState | null>(null, ...accountStates);

/** The table of the contract, written out by hand a second time on purpose. */
const contractEdges: [AccountState | null, AccountEvent, AccountState, string][] = [
  [null, { type: 'credentials_submitted' }, 'connecting', 'connecting'],
  ['connecting', { type: 'setup_passed', called: true }, 'active', 'active'],
  ['connecting', { type: 'setup_passed', called: false }, 'active', 'active'],
  ['connecting', { type: 'validation_failed' }, 'validation_error', 'validation_error'],
  ['connecting', { type: 'post_install_failed' }, 'post_install_error', 'post_install_error'],
  ['active', { type: 'grant_rejected' }, 'needs_reauth', 'needs_reauth'],
  ['needs_reauth', { type: 'call_succeeded', regranted: true }, 'active', 'reactivated'],
  ['validation_error', { type: 'setup_passed', called: true }, 'active', 'active'],
  ['post_install_error', { type: 'setup_passed', called: true }, 'active', 'active'],
];

test('every edge of the contract is there', () => {
  for (const [from, event, to, emits] of contractEdges) {
    assert.deepEqual(transition(from, event), { kind: 'moved', to, cause: event.type, emits: `integrated_account:${emits}` });
  }
});

test('edges added by real life state their reason, and no pair has two edges', () => {
  const keys = accountEdges.map((edge) => `${edge.from} ${edge.on}`);
  assert.equal(new Set(keys).size, keys.length);
  for (const edge of accountEdges) assert.ok(edge.reason.length > 15, `${edge.from} ${edge.on}`);
});

test('total: every pair is answered, a move really moves and emits one known event that fits its target', () => {
  fc.assert(
    fc.property(anyState, anyEvent, (state, event) => {
      const decision = transition(state, event);
      switch (decision.kind) {
        case 'moved':
          assert.notEqual(decision.to, state);
          assert.ok(accountEventTypes.includes(decision.emits));
          assert.equal(decision.emits, state === 'needs_reauth' ? 'integrated_account:reactivated' : `integrated_account:${decision.to}`);
          break;
        case 'deleted':
          assert.notEqual(state, null);
          break;
        case 'unchanged':
        case 'refused':
          assert.ok(decision.reason.length > 0);
      }
    }),
  );
});

test('along any history: needs_reauth ends only by a success with new credentials or by deletion; connecting is entered once', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      let state: AccountState | null = null;
      let born = 0;
      for (const event of events) {
        const decision = transition(state, event);
        if (decision.kind === 'deleted') return;
        if (decision.kind !== 'moved') continue;
        if (state === 'needs_reauth') {
          assert.ok((event.type === 'call_succeeded' && event.regranted) || (event.type === 'setup_passed' && event.called));
          assert.equal(decision.to, 'active');
        }
        if (decision.to === 'connecting') born += 1;
        state = decision.to;
      }
      assert.ok(born <= 1);
    }),
  );
});

test('from every state there is a way to active, and deletion is always possible', () => {
  for (const start of accountStates) {
    const reached = new Set<AccountState>([start]);
    for (const state of reached) for (const edge of accountEdges) if (edge.from === state) reached.add(edge.to);
    assert.ok(reached.has('active'), start);
    assert.equal(transition(start, { type: 'deleted' }).kind, 'deleted');
  }
});

test('a retry is refused where it cannot help', () => {
  assert.equal(transition('needs_reauth', { type: 'retry_requested' }).kind, 'refused');
  assert.equal(transition('active', { type: 'retry_requested' }).kind, 'refused');
  assert.equal(transition('validation_error', { type: 'retry_requested' }).kind, 'unchanged');
  assert.equal(transition('connecting', { type: 'retry_requested' }).kind, 'unchanged');
});

test('the documentation shows this very table', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/guides/accounts.md'), 'utf8');
  const rows = text.split('\n').filter((line) => /^\|.*`integrated_account:/.test(line));
  const expected = accountEdges.map((edge) => `| ${edge.from ?? '–'} | ${edge.to} | \`${edge.on}\` | \`${edge.emits}\` | ${edge.origin} | ${edge.reason} |`);
  assert.deepEqual(rows, expected);
});
