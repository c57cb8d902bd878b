/** What judging a minute costs with very many series: the rules that come with Evenkeel, every series with traffic in every minute. */
import { AlertEvaluator } from '../../packages/core/src/alerts/evaluator.ts';
import type { CountRow, SeriesIdentity } from '../../packages/core/src/alerts/facts.ts';
import { readPlaybook } from '../../packages/server/src/playbook/playbook.ts';
import { median, note, report } from './measurement.ts';

/** Minutes of both windows, which are filled before anything is timed. */
const filling = 30;

export async function measureEvaluation(series: number, rounds: number): Promise<void> {
  const reading = await readPlaybook(undefined);
  if (!reading.ok) throw new Error('the playbook that comes with Evenkeel has errors');
  const evaluator = new AlertEvaluator(reading.playbook.alerts);
  const identities = Array.from({ length: series }, (_, at): SeriesIdentity => ({ kind: 'call', surface: 'proxy', tenantId: `tenant_${at % 5000}`, accountId: `acc_${at % 50_000}`, connectorId: `vendor-${at % 30}`, endpoint: `resource_${at % 200}.list` }));
  const times: number[] = [];
  for (let minute = 0; minute < filling + rounds; minute += 1) {
    const rows = identities.map((identity, slot): CountRow => {
      const upstream = (slot * 7919 + minute * 104_729) % 400 === 0 ? 1 : 0;
      return { series: identity, slot, total: 10, success: 10 - upstream, caller: 0, account: 0, platform: 0, upstream, aborted: 0, lag: null };
    });
    const startedAt = performance.now();
    const changes = evaluator.minute({ minute: minute * 60_000, measured: true, rows, needsReauth: new Map(), earlyEnds: [], shapeChanges: [] });
    if (minute >= filling) times.push(performance.now() - startedAt);
    if (changes.length > 0) note(`minute ${minute}: ${changes.length} change(s) of alerts`);
  }
  note(`${series} series, ${reading.playbook.alerts.alerts.length} rules, ${rounds} minutes: slowest ${Math.max(...times).toFixed(0)} ms; resident memory ${(process.memoryUsage().rss / 1_048_576).toFixed(0)} MB, the rows of the minute included`);
  report('telemetry', 'evaluate_500k_ms', median(times), 'ms', { below: 250 });
}
