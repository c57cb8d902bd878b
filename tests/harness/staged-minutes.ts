/**
 * Minutes without waiting for them: what the node really counted of really made calls is taken out of its half seconds
 * and written into minutes of the past hours, which are then sealed and judged by the very parts that do it by the clock.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { AlertWatch } from '@evenkeel/server/alerts/alert-watch.ts';
import type { FactSource } from '@evenkeel/server/alerts/minute-facts.ts';
import type { Pool } from '@evenkeel/server/database/pool.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { readPlaybook } from '@evenkeel/server/playbook/playbook.ts';
import { Sealer } from '@evenkeel/server/telemetry/sealing/sealer.ts';
import { atEnd } from './database.ts';

const minuteMs = 60_000;

/** What was counted in one go; as many times as wanted it can be one minute's. */
export type Counted = readonly Buffer[];

export interface StagedMinutes {
  /** The begin of the next minute to be written. */
  readonly next: () => Date;
  /** Everything counted since the last time, of whatever kind, as soon as `total` of `kind` have been counted; on top of `before`. */
  counted(kind: string, total: number, before?: Counted): Promise<Counted>;
  /** The next minutes, one of each; then they are sealed and judged. `covered`: seconds of each in which the node lived. */
  pass(minutes: readonly Counted[], covered?: number): Promise<void>;
  /** Nothing happens in these minutes, and no node lives. */
  skip(minutes: number): void;
  readonly watch: AlertWatch;
}

/** For a server among whose minutes some are staged: its own budgets would be judged on them as well, and be alerts now and then. */
export async function withoutObjectives(): Promise<{ EVENKEEL_PLAYBOOK_DIR: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
  await writeFile(join(dir, 'objectives.yaml'), 'version: 1\nindicators: {}\nobjectives: []\n');
  atEnd(() => rm(dir, { recursive: true }));
  return { EVENKEEL_PLAYBOOK_DIR: dir };
}

/**
 * What nodes write from now on is put aside, where sealers do not see it. A server under test may seal and judge as well
 * as the parts here: each minute counts once, whoever takes it.
 */
export async function keepCountsOfServer(pool: Pool): Promise<void> {
  await pool.query(`
    create table counted_seconds (counts bytea not null);
    create function put_aside() returns trigger language plpgsql as $$
    begin
      if new.node_id = 'staged' then return new; end if;
      if length(new.counts) > 0 then insert into counted_seconds values (new.counts); end if;
      return null;
    end $$;
    create trigger put_aside before insert on telemetry_seconds for each row execute function put_aside();
    delete from telemetry_seconds;`);
}

/** Begins so many minutes ago. */
export async function stageMinutes(pool: Pool, minutesAgo: number, rules?: AlertsFile, facts: FactSource = { shapeChanges: () => Promise.resolve([]) }): Promise<StagedMinutes> {
  const reading = await readPlaybook(undefined);
  assert.ok(reading.ok);
  await keepCountsOfServer(pool);
  const log = createLog('silent');
  const sealer = new Sealer({ pool, log, graceMs: 0 });
  const watch = new AlertWatch({ pool, log, rules: rules ?? reading.playbook.alerts, facts });
  let next = Math.floor(Date.now() / minuteMs) * minuteMs - minutesAgo * minuteMs;
  const nodeId = 'staged';

  async function counted(kind: string, total: number, before: Counted = []): Promise<Counted> {
    const taken = [...before];
    for (const deadline = Date.now() + 15_000; ; ) {
      const { rows } = await pool.query<{ counts: Buffer }>('delete from counted_seconds returning counts');
      taken.push(...rows.map(({ counts }) => counts));
      if ((await totalOf(kind, taken)) >= total) return taken;
      assert.ok(Date.now() < deadline, `${await totalOf(kind, taken)} of ${total} ${kind}s were counted within 15 s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function totalOf(kind: string, packed: readonly Buffer[]): Promise<number> {
    const { readPackedCounts } = await import('@evenkeel/core/telemetry/counts-codec.ts');
    const sums = new Map<number, { columns: Float64Array }>();
    for (const counts of packed) readPackedCounts(counts, sums as Parameters<typeof readPackedCounts>[1]);
    const { rows } = await pool.query<{ id: number }>('select id from telemetry_series where kind = $1', [kind]);
    return rows.reduce((sum, { id }) => sum + (sums.get(id)?.columns[0] ?? 0), 0);
  }

  async function write(minute: number, counts: Counted, covered: number): Promise<void> {
    await pool.query(
      `insert into telemetry_seconds (second, node_id, part, beat, last, lost, counts)
       select to_timestamp(($2::bigint + half) / 2), $1, (($2::bigint + half) % 2)::smallint, true, false, false, coalesce(given.counts, '')
       from generate_series(0, $4 * 2 - 1) half
       left join unnest($3::bytea[]) with ordinality as given (counts, n) on n = half + 1`,
      [nodeId, minute / 500, counts, covered],
    );
  }

  async function judged(last: Date): Promise<void> {
    for (const deadline = Date.now() + 30_000; ; ) {
      await sealer.sealDue();
      await watch.evaluateDue();
      const { rows } = await pool.query<{ minute: Date }>('select minute from alert_evaluation');
      if (rows[0] !== undefined && rows[0].minute >= last) return;
      assert.ok(Date.now() < deadline, `judged to ${rows[0]?.minute.toISOString()}, not to ${last.toISOString()}, within 30 s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return {
    next: () => new Date(next),
    counted,
    watch,
    async pass(minutes, covered = 60) {
      for (const counts of minutes) {
        assert.ok(counts.length <= covered * 2, 'a minute has 120 halves');
        assert.ok(next + minuteMs <= Date.now(), 'more minutes were staged than have passed');
        await write(next, counts, covered);
        next += minuteMs;
      }
      await judged(new Date(next - minuteMs));
    },
    skip(minutes) {
      next += minutes * minuteMs;
    },
  };
}

/** The same minute so many times. */
export const times = (count: number, minute: Counted): Counted[] => Array.from({ length: count }, () => minute);
