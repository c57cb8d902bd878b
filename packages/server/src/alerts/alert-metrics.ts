/** What `/metrics` tells of alerts: whether they are judged at all, and how many are open. */
import type { Pool } from '../database/pool.ts';
import type { Metric, Sample } from '../telemetry/metrics/exposition.ts';
import type { AlertFigures } from './alert-watch.ts';

/** Without the database a node tells of itself only. */
export async function alertMetrics(pool: Pool, { evaluateMs, failed }: AlertFigures): Promise<Metric[]> {
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({ name, type: 'gauge', help, samples });
  const own = [
    gauge('evenkeel_alerts_evaluation_failures', 'Attempts in a row to judge minutes that failed on this node. Above 0 its minutes wait.', [[{}, failed]]),
    gauge('evenkeel_alerts_evaluation_seconds', 'What judging the last minute took on this node, without reading it.', [[{}, evaluateMs / 1000]]),
  ];
  const read = await Promise.all([
    pool.query<{ age_s: number }>(`select extract(epoch from clock_timestamp() - minute - interval '1 minute')::float8 as age_s from alert_evaluation`),
    pool.query<{ severity: string; source: string; n: number }>(`select severity, source, count(*) as n from alerts where state = 'firing' group by severity, source`),
  ]).catch(() => null);
  if (read === null) return own;
  const [judged, firing] = read;
  return [
    ...own,
    gauge('evenkeel_alerts_evaluated_age_seconds', 'Age of the last minute that alert rules have judged, on whichever node. Beyond three minutes no alert is current.', judged.rows.map(({ age_s: age }): Sample => [{}, Math.max(0, age)])),
    gauge('evenkeel_alerts_firing', 'Open alerts by severity and source.', firing.rows.map(({ n, ...labels }): Sample => [labels, n])),
  ];
}
