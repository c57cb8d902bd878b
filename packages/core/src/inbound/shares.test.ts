import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextShare } from './shares.ts';

const room = 512;

/** Every event of these hangs; each connector has this many accounts. What is under way when no more is taken. */
function fill(connectors: number, accounts: number): { total: number; byConnector: Map<string, number>; byAccount: Map<string, number> } {
  const underWay = { total: 0, byConnector: new Map<string, number>(), byAccount: new Map<string, number>() };
  for (;;) {
    const share = nextShare(underWay, room);
    let taken = 0;
    for (let connector = 0; connector < connectors; connector += 1) {
      for (let account = 0; account < accounts; account += 1) {
        const [c, a] = [`c${connector}`, `c${connector} a${account}`];
        if (share.fullConnectors.includes(c) || share.fullAccounts.includes(a)) continue;
        for (; taken < share.atMost; taken += 1) {
          underWay.total += 1;
          underWay.byConnector.set(c, (underWay.byConnector.get(c) ?? 0) + 1);
          underWay.byAccount.set(a, (underWay.byAccount.get(a) ?? 0) + 1);
        }
      }
    }
    if (taken === 0) return underWay;
  }
}

test('a dozen vendors hang, with however many accounts: another vendor gets something', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40 }), (connectors, accounts) => {
      const underWay = fill(connectors, accounts);
      assert.ok(underWay.total <= room);
      assert.ok(nextShare(underWay, room).atMost >= 1, `${underWay.total} are under way`);
    }),
  );
});

test('a vendor alone may have about a fifth, an account of it a good deal less', () => {
  const ofMany = fill(1, 100).byConnector.get('c0') ?? 0;
  assert.ok(ofMany >= room / 5 && ofMany <= room / 4, String(ofMany));
  const ofOne = fill(1, 1).total;
  assert.ok(ofOne >= room / 17 && ofOne <= room / 8, String(ofOne));
});

test('nothing under way keeps nobody out', () => {
  assert.deepEqual(nextShare({ total: 0, byConnector: new Map(), byAccount: new Map() }, room), { atMost: 32, fullConnectors: [], fullAccounts: [] });
});
