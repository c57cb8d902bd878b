import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { attemptErrors, judgeAnswer, type AttemptResult } from './attempt-result.ts';
import { decide, type DeliveryPolicy } from './delivery-decision.ts';
import { allowedInFlight, defaultHealthPolicy, healthy, type EndpointHealth } from './endpoint-health.ts';
import { faultOfFilter, likePatternOf } from './event-filter.ts';
import { defaultRetrySchedule, maxRetryAfterMs, readRetryAfter, waitAfter } from './retry-schedule.ts';
import { isSymmetricSecret } from './signature.ts';

const now = Date.parse('2026-11-24T10:00:00Z');
const policy: DeliveryPolicy = { schedule: defaultRetrySchedule, health: defaultHealthPolicy };
const success: AttemptResult = { kind: 'success', status: 204 };
const failed = (status: number, retryAfter?: string): AttemptResult => judgeAnswer(status, retryAfter);

const results = fc.oneof(
  fc.constant(success),
  fc.record({ kind: fc.constant('failure' as const), error: fc.constantFrom(...attemptErrors), status: fc.option(fc.constantFrom(400, 404, 408, 429, 500, 503), { nil: null }), message: fc.constant('failed'), retryAfter: fc.option(fc.oneof(fc.nat().map(String), fc.string()), { nil: undefined }) }),
);
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the retry schedule', () => {
  it('is 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, each within 20 %, and then ends', () => {
    assert.deepEqual(defaultRetrySchedule.map((ms) => ms / 1000), [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
    fc.assert(
      fc.property(fc.nat({ max: 8 }), chance, (step, random) => {
        const wait = waitAfter(defaultRetrySchedule, step, random);
        const planned = defaultRetrySchedule[step];
        if (planned === undefined) assert.equal(wait, undefined);
        else assert.ok(wait !== undefined && wait >= planned * 0.8 && wait <= planned * 1.2);
      }),
    );
  });

  it('reads Retry-After as a number or a date, within bounds, and believes no garbage', () => {
    const read = (value: string | undefined): number | undefined => readRetryAfter(value, now);
    assert.equal(read('120'), 120_000);
    assert.equal(read(' 0 '), 0);
    assert.equal(read('Tue, 24 Nov 2026 10:05:00 GMT'), 300_000);
    assert.equal(read('Tuesday, 24-Nov-26 10:05:00 GMT'), 300_000);
    assert.equal(read('Tue, 24 Nov 2026 09:00:00 GMT'), 0, 'a date that has passed');
    assert.equal(read('999999'), maxRetryAfterMs);
    assert.equal(read('Fri, 31 Dec 9999 23:59:59 GMT'), maxRetryAfterMs);
    for (const garbage of [undefined, '', 'soon', '-5', '1.5', '5 minutes', '0x10', 'NaN', '1e3', '٣', 'Tue, 99 Nov 2026 10:05:00 GMT', '9'.repeat(400)]) assert.equal(read(garbage), undefined, String(garbage));
    fc.assert(fc.property(fc.string(), (text) => { const ms = read(text); assert.ok(ms === undefined || (ms >= 0 && ms <= maxRetryAfterMs)); }));
  });
});

describe('an attempt', () => {
  it('decides by the status alone: 2xx delivered, 410 ends it, everything else is tried again', () => {
    const next = (status: number) => decide({ delivery: { id: 'dlv_1', step: 0 }, health: healthy }, failed(status), policy, now, 0.5).next;
    for (const status of [200, 202, 204, 299]) assert.equal(next(status).kind, 'delivered');
    for (const status of [301, 302, 307, 400, 401, 404, 429, 500, 503]) assert.deepEqual(next(status), { kind: 'retry', inMs: 5_000, step: 1 });
    const gone = decide({ delivery: { id: 'dlv_1', step: 0 }, health: healthy }, failed(410), policy, now, 0.5);
    assert.deepEqual([gone.next, gone.effects], [{ kind: 'failed', reason: 'gone' }, [{ type: 'disable_endpoint', reason: 'gone' }]]);
  });

  it('waits as long as the receiver asks, but never shorter than planned', () => {
    const wait = (retryAfter: string): number => {
      const { next } = decide({ delivery: { id: 'dlv_1', step: 1 }, health: healthy }, failed(503, retryAfter), policy, now, 0.5);
      return next.kind === 'retry' ? next.inMs : Number.NaN;
    };
    assert.deepEqual([wait('600'), wait('1'), wait('garbage'), wait('Tue, 24 Nov 2026 11:00:00 GMT')], [600_000, 300_000, 300_000, 3_600_000]);
  });

  it('ends after the whole schedule, whatever fails, and a manual one alone decides', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(results, chance), { maxLength: 40 }), (attempts) => {
        let health: EndpointHealth = healthy;
        let step: number | null = 0;
        let made = 0;
        for (const [result, random] of attempts) {
          const decision = decide({ delivery: { id: 'dlv_1', step }, health }, result, policy, now, random);
          ({ health } = decision);
          made += 1;
          if (decision.next.kind !== 'retry') return made <= 8;
          assert.ok(decision.next.inMs >= 4_000 && decision.next.inMs <= Math.max(maxRetryAfterMs, 12 * 3_600_000));
          ({ step } = decision.next);
        }
        return made < 8;
      }),
    );
    assert.equal(decide({ delivery: { id: 'dlv_1', step: null }, health: healthy }, failed(500), policy, now, 0.5).next.kind, 'failed');
  });
});

describe('the health of an endpoint', () => {
  const after = (health: EndpointHealth, result: AttemptResult, at = now, id = 'dlv_1') => decide({ delivery: { id, step: 0 }, health }, result, policy, at, 0.5);

  it('opens the breaker after five failures in a row that look dead, longer each time, up to five minutes', () => {
    let health: EndpointHealth = healthy;
    for (let n = 0; n < 4; n += 1) ({ health } = after(health, failed(500)));
    assert.equal(allowedInFlight(health, 16, now), 16);
    const pauses: number[] = [];
    let at = now;
    for (let n = 0; n < 7; n += 1) {
      ({ health } = after(health, failed(500), at));
      pauses.push(((health.resumeAtMs ?? 0) - at) / 1000);
      assert.equal(allowedInFlight(health, 16, at), 0);
      at = health.resumeAtMs ?? 0;
      assert.equal(allowedInFlight(health, 16, at), 1, 'a probe');
    }
    assert.deepEqual(pauses, [15, 30, 60, 120, 240, 300, 300]);
    ({ health } = after(health, success, at));
    assert.deepEqual(health, healthy);
  });

  it('is not judged by answers about single events', () => {
    let health: EndpointHealth = healthy;
    for (let n = 0; n < 50; n += 1) ({ health } = after(health, failed(422)));
    assert.equal(allowedInFlight(health, 16, now), 16);
    assert.deepEqual(health.failing, { sinceMs: now, lastMs: now, countedMs: 0, deliveries: ['dlv_1'] });
  });

  it('is not judged again by attempts that were under way when the breaker opened', () => {
    let health: EndpointHealth = healthy;
    for (let n = 0; n < 16; n += 1) ({ health } = after(health, failed(500)));
    assert.equal(health.opened, 1);
    assert.equal(health.resumeAtMs, now + 15_000);
  });

  it('pauses the whole endpoint when it says it is overloaded, for ten minutes at most', () => {
    assert.equal(after(healthy, failed(429, '30')).health.resumeAtMs, now + 30_000);
    assert.equal(after(healthy, failed(503, '86400')).health.resumeAtMs, now + 600_000);
    assert.equal(after(healthy, failed(429, 'garbage')).health.resumeAtMs, null);
    assert.equal(after(healthy, failed(500, '30')).health.resumeAtMs, null);
  });

  describe('is disabled for failing', () => {
    const hour = 3_600_000;
    const day = 24 * hour;
    /** Failures `everyMs` apart, of deliveries in turn, until it is disabled; null if it is not within `forMs`. */
    function disabledAfterMs(everyMs: number, deliveries: number, forMs: number): number | null {
      let health: EndpointHealth = healthy;
      for (let ms = 0, n = 0; ms <= forMs; ms += everyMs, n += 1) {
        const decision = after(health, failed(400), now + ms, `dlv_${n % deliveries}`);
        if (decision.effects.length > 0) {
          assert.deepEqual(decision.effects, [{ type: 'disable_endpoint', reason: 'failing' }]);
          return ms;
        }
        ({ health } = decision);
      }
      return null;
    }

    it('after five days without a success, and not a moment earlier', () => {
      assert.equal(disabledAfterMs(hour, 3, 20 * day), 5 * day);
      assert.equal(disabledAfterMs(7 * hour, 50, 20 * day), 126 * hour, 'the first failure past five days');
      let health: EndpointHealth = healthy;
      for (let ms = 0; ms < 5 * day; ms += 12 * hour) ({ health } = after(health, failed(400), now + ms, `dlv_${ms}`));
      assert.deepEqual(after(health, failed(400), now + 5 * day - 1).effects, []);
      assert.equal(after(health, failed(400), now + 5 * day).effects.length, 1);
      assert.deepEqual(after(after(health, success, now + 5 * day - 2).health, failed(400), now + 6 * day).effects, []);
    });

    it('never for one or two deliveries that it cannot digest', () => {
      assert.equal(disabledAfterMs(hour, 1, 60 * day), null);
      assert.equal(disabledAfterMs(hour, 2, 60 * day), null);
    });

    it('later when it is quiet: a pause without an attempt counts as twelve hours', () => {
      assert.equal(disabledAfterMs(7 * day, 100, 365 * day), 70 * day, 'the eleventh failure');
      // A delivery with its whole schedule (27 h 35 min), and the next one a week later: nobody knows what was in between.
      const start = now;
      let health: EndpointHealth = healthy;
      let at = start;
      for (const wait of [0, ...defaultRetrySchedule]) ({ health } = after(health, failed(500), (at += wait), 'dlv_1'));
      for (const id of ['dlv_2', 'dlv_3', 'dlv_4']) {
        const decision = after(health, failed(500), start + 7 * day, id);
        assert.deepEqual(decision.effects, []);
        ({ health } = decision);
      }
      assert.equal(health.failing?.countedMs, at - start + 12 * hour);
    });

    it('by a clock that is set back no sooner', () => {
      let { health } = after(healthy, failed(400));
      for (let n = 0; n < 40; n += 1) ({ health } = after(health, failed(400), now + (n % 2) * 12 * hour, `dlv_${n}`));
      assert.equal(health.failing?.countedMs, 12 * hour);
    });
  });

  it('is reset by any success, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(results, chance, fc.nat({ max: 86_400_000 }))), (attempts) => {
        let health: EndpointHealth = healthy;
        let at = now;
        for (const [result, random, elapsed] of attempts) {
          at += elapsed;
          ({ health } = decide({ delivery: { id: 'dlv_1', step: 0 }, health }, result, policy, at, random));
          assert.ok(health.resumeAtMs === null || health.resumeAtMs - at <= 660_000 * 2);
        }
        assert.deepEqual(after(health, success, at).health, healthy);
      }),
    );
  });
});

describe('filters and secrets', () => {
  it('filters are types with stars; LIKE takes nothing in them for its own', () => {
    for (const filter of ['*', 'crm.*', 'integrated_account:*', '*.deleted', 'crm.contact.updated']) assert.equal(faultOfFilter(filter), undefined);
    for (const filter of ['', 'CRM.*', 'a b', 'crm.%', 'crm.**', 'x'.repeat(101)]) assert.notEqual(faultOfFilter(filter), undefined);
    assert.deepEqual(['integrated_account:*', '*', 'a_b'].map(likePatternOf), [String.raw`integrated\_account:%`, '%', String.raw`a\_b`]);
  });

  it('a secret is whsec_ and 24 to 64 bytes in base64', () => {
    const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
    fc.assert(fc.property(fc.nat({ max: 100 }), (bytes) => isSymmetricSecret(of(bytes)) === (bytes >= 24 && bytes <= 64)));
    for (const secret of ['', 'whsec_', of(32).slice(0, -1), of(32).replace('whsec_', 'sec_'), `${of(32)} `]) assert.equal(isSymmetricSecret(secret), false, secret);
  });
});
