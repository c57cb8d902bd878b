import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { startFleetClock } from './fleet-clock.ts';
import type { Queryable } from './pool.ts';

/** A world in which each query takes `roundTripMs`, and this machine's clock may be wrong. */
class World {
  realMs = 1_800_000_000_000;
  roundTripMs = 2;
  wallErrorMs = 0;
  down = false;
  readonly monotonic = (): number => this.realMs - 1_799_999_000_000;
  readonly wall = (): number => this.realMs + this.wallErrorMs;
  readonly database: Queryable = {
    query: (() => {
      if (this.down) return Promise.reject(new Error('down'));
      this.realMs += this.roundTripMs / 2;
      const rows = [{ ms: this.realMs }];
      this.realMs += this.roundTripMs / 2;
      return Promise.resolve({ rows });
    }) as unknown as Queryable['query'],
  };
  get parts() {
    return { database: this.database, monotonic: this.monotonic, wall: this.wall, everyMs: 3_600_000 };
  }
}

async function start(world: World) {
  const lines: string[] = [];
  const clock = await startFleetClock({ ...world.parts, log: createLog('warn', { write: (line: string) => void lines.push(line) }) });
  clock.close();
  return { clock, lines };
}

test('a node whose clock is wrong, or is set while it runs, shares the time of the database', async () => {
  const world = new World();
  world.wallErrorMs = 600_000;
  const { clock, lines } = await start(world);
  assert.ok(Math.abs(clock.now() - world.realMs) <= 2);
  assert.match(lines.join(), /600\d{3}.*clocks/);
  for (const error of [0, -3_600_000, 7_200_000]) {
    world.wallErrorMs = error;
    world.realMs += 1_000;
    assert.ok(Math.abs(clock.now() - world.realMs) <= 2, `${error}`);
  }
});

test('slow answers move it by no more than they prove, an outage not at all, a suspended machine is noticed at the next look', async () => {
  const world = new World();
  const { clock } = await start(world);
  world.roundTripMs = 900;
  await clock.look();
  assert.ok(Math.abs(clock.now() - world.realMs) <= 2);
  world.down = true;
  await assert.rejects(clock.look());
  world.realMs += 50_000;
  assert.ok(Math.abs(clock.now() - world.realMs) <= 2);
  world.down = false;
  world.roundTripMs = 2;
  const suspended = await startFleetClock({ ...world.parts, monotonic: () => world.monotonic() - asleepMs, log: createLog('silent') });
  suspended.close();
  asleepMs = 120_000;
  await suspended.look();
  assert.ok(Math.abs(suspended.now() - world.realMs) <= 2);
});
let asleepMs = 0;
