/** A history of deliveries with their attempts, made in the database: as many as wanted, spread over days. */
import type { Pool } from '@evenkeel/server/database/pool.ts';
import { firstIdAt, makeDayPartitions } from '@evenkeel/server/outbound/day-partitions.ts';

export interface History {
  readonly days: number;
  /** Of each minute, over all endpoints. */
  readonly perMinute: number;
  readonly endpoints: number;
  /** Ends at this moment. */
  readonly untilMs: number;
  readonly onDay?: (day: number) => void;
}

const dayMs = 86_400_000;

/** Endpoints `ep_fill_0`…; one delivery in a hundred failed. Every delivery has one attempt. Returns how many there are. */
export async function fillHistory(pool: Pool, { days, perMinute, endpoints, untilMs, onDay }: History): Promise<number> {
  await pool.query(
    `insert into endpoints (id, url, event_types, type_patterns) select 'ep_fill_' || n, 'https://example.com/', '{*}', '{none}' from generate_series(0, $1 - 1) as n on conflict do nothing`,
    [endpoints],
  );
  await pool.query(`insert into delivery_lanes (endpoint_id) select id from endpoints where id like 'ep_fill_%' on conflict do nothing`);
  for (let day = days - 1; day >= 0; day -= 1) {
    const startMs = Math.floor(untilMs / dayMs - day) * dayMs;
    await makeDayPartitions(pool, startMs);
    const minutes = Array.from({ length: 1_440 }, (_, minute) => startMs + minute * 60_000);
    const values = [minutes.map((ms) => firstIdAt('dlv', ms).slice(4)), minutes.map((ms) => new Date(ms)), perMinute, endpoints];
    const rows = `from unnest($1::text[], $2::timestamptz[]) with ordinality as m (moment, at, nr) cross join generate_series(1, $3::int) as n`;
    await pool.query(
      `insert into deliveries_closed (id, endpoint_id, event_id, event_type, cause, state, reason, accepted_at, closed_at, attempts, last_attempt_at, last_status)
       select 'dlv_' || moment || lpad(n::text, 16, '0'), 'ep_fill_' || (nr * 7 + n) % $4::int, 'evt_' || moment || lpad(n::text, 16, '0'), 'crm.contact.updated', 'event',
         case when n % 100 = 0 then 'failed' else 'delivered' end, case when n % 100 = 0 then 'exhausted' end, at, at, 1, at, 200 ${rows}`,
      values,
    );
    await pool.query(
      `insert into delivery_attempts (id, delivery_id, endpoint_id, number, cause, at, duration_us, succeeded, status)
       select 'att_' || moment || lpad(n::text, 16, '0'), 'dlv_' || moment || lpad(n::text, 16, '0'), 'ep_fill_' || (nr * 7 + n) % $4::int, 1, 'event', at, 12000, n % 100 > 0, 200 ${rows}`,
      values,
    );
    await pool.query(
      `insert into delivery_counts (endpoint_id, hour, attempts, delivered) select 'ep_fill_' || e, h, 100, 99 from generate_series(0, $1 - 1) e, generate_series($2::timestamptz, $2::timestamptz + interval '23 hours', '1 hour') h`,
      [endpoints, new Date(startMs)],
    );
    onDay?.(days - day);
  }
  await pool.query('analyze deliveries_closed');
  await pool.query('analyze delivery_attempts');
  await pool.query('analyze delivery_counts');
  return days * 1_440 * perMinute;
}

/** Of a plan in EXPLAIN's JSON: every node that was executed. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops'?: number;
  readonly 'Actual Rows'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Executes and explains; the nodes that ran at least once, and the pages touched. */
export async function explain(pool: Pool, text: string, values: unknown[]): Promise<{ nodes: PlanNode[]; pages: number; ms: number }> {
  const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode; 'Execution Time': number }] }>(`explain (analyze, buffers, format json) ${text}`, values);
  const top = rows[0]?.['QUERY PLAN'][0];
  if (top === undefined) throw new Error('EXPLAIN gave no plan');
  const nodes: PlanNode[] = [];
  const visit = (node: PlanNode): void => {
    if ((node['Actual Loops'] ?? 0) > 0) nodes.push(node);
    node.Plans?.forEach(visit);
  };
  visit(top.Plan);
  return { nodes, pages: (top.Plan['Shared Hit Blocks'] ?? 0) + (top.Plan['Shared Read Blocks'] ?? 0), ms: top['Execution Time'] };
}
