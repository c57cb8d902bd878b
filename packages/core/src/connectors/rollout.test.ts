import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placeOf, rollBack, rollOut, versionFor, type Rollout } from './rollout.ts';

const accounts = (count: number): string[] => Array.from({ length: count }, (_, index) => `acc_${index}`);
const trial = (percent: number, version = 2): Rollout => ({ stable: 1, candidate: { version, percent } });
const onTrial = (percent: number, version = 2): Set<string> =>
  new Set(accounts(5_000).filter((account) => versionFor('some-crm', trial(percent, version), account) === version));

describe('versionFor', () => {
  it('gives a trial the share it names', () => {
    for (const percent of [1, 10, 50, 99]) {
      const share = (onTrial(percent).size / 5_000) * 100;
      assert.ok(Math.abs(share - percent) < 2.5, `${percent} % became ${share} %`);
    }
  });

  it('keeps an account in a trial that grows', () => {
    const small = onTrial(10);
    const large = onTrial(30);
    for (const account of small) assert.ok(large.has(account));
  });

  it('tries the next version on other accounts', () => {
    const both = [...onTrial(10, 2)].filter((account) => onTrial(10, 3).has(account)).length;
    assert.ok(both < 5_000 * 0.02, `${both} accounts are in both trials`);
  });

  it('is the same for the same arguments, and stable without an account', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1e6 }), fc.string(), (connector, version, account) => {
        const place = placeOf(connector, version, account);
        assert.equal(place, placeOf(connector, version, account));
        assert.ok(place >= 0 && place < 100);
        assert.equal(versionFor(connector, trial(99), undefined), 1);
      }),
    );
  });
});

describe('rollOut', () => {
  it('makes 100 % stable and less a trial', () => {
    assert.deepEqual(rollOut({ stable: 1, candidate: null }, 2, 10), { ok: true, rollout: trial(10) });
    assert.deepEqual(rollOut(trial(10), 2, 100), { ok: true, rollout: { stable: 2, candidate: null } });
    assert.deepEqual(rollOut(trial(10), 2, 0), { ok: true, rollout: { stable: 1, candidate: null } });
    assert.deepEqual(rollOut(trial(10), 3, 0), { ok: true, rollout: trial(10) });
  });

  it('refuses a first version for a part, the stable one as its own trial, and shares that are none', () => {
    assert.equal(rollOut(null, 1, 50).ok, false);
    assert.equal(rollOut(trial(10), 1, 50).ok, false);
    for (const percent of [-1, 101, 1.5, Number.NaN]) assert.equal(rollOut(trial(10), 2, percent).ok, false);
  });
});

describe('rollBack', () => {
  it('ends a trial first, then goes back to what was stable before', () => {
    assert.deepEqual(rollBack(trial(10), [1]), { ok: true, rollout: { stable: 1, candidate: null } });
    assert.deepEqual(rollBack({ stable: 5, candidate: null }, [5, 1, 3]), { ok: true, rollout: { stable: 3, candidate: null } });
    assert.equal(rollBack({ stable: 1, candidate: null }, [1, 5]).ok, false);
  });

  it('goes to the version named', () => {
    assert.deepEqual(rollBack(trial(10), [1], 4), { ok: true, rollout: { stable: 4, candidate: null } });
    assert.equal(rollBack({ stable: 4, candidate: null }, [4], 4).ok, false);
  });

  it('never leaves a trial of the stable version', () => {
    const version = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(version, fc.option(fc.record({ version, percent: fc.integer({ min: 1, max: 99 }) })), version, fc.integer({ min: 0, max: 100 }), (stable, candidate, next, percent) => {
        if (candidate?.version === stable) return;
        const decided = rollOut({ stable, candidate }, next, percent);
        if (decided.ok) assert.notEqual(decided.rollout.candidate?.version, decided.rollout.stable);
      }),
    );
  });
});
