/** Rules tried on stored minutes: what they would have told, without telling anyone. */
import { setImmediate } from 'node:timers/promises';
import type { AlertReplayed } from '@evenkeel/contract/api/alerts.ts';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import type { Cause } from '@evenkeel/core/alerts/cause.ts';
import { AlertEvaluator } from '@evenkeel/core/alerts/evaluator.ts';
import type { Queryable } from '../database/pool.ts';
import { SeriesCache, storedFacts } from './minute-facts.ts';
import { inboundStreams, unmeasuredMinutes } from './streams.ts';

const minuteMs = 60_000;

/** Changes of shapes are left out: history does not keep when each was open. */
export async function replayRules(database: Queryable, rules: AlertsFile, since: Date, until: Date): Promise<AlertReplayed> {
  const evaluator = new AlertEvaluator(rules);
  const series = new SeriesCache();
  for await (const facts of storedFacts(database, { from: new Date(since.getTime() - evaluator.historyMinutes * minuteMs), to: since }, series)) evaluator.remember(facts);
  evaluator.watch(await inboundStreams(database, since), null, await unmeasuredMinutes(database, since));
  const told: { cause: Cause; openedAt: Date; resolvedAt: Date | null; affected: Set<string> }[] = [];
  const open = new Map<string, (typeof told)[number]>();
  let [minutes, unmeasured] = [0, 0];
  for await (const facts of storedFacts(database, { from: since, to: until }, series)) {
    minutes += 1;
    // Two weeks are 20,000 minutes: calls under way get their turn in between.
    if (minutes % 5 === 0) await setImmediate();
    if (!facts.measured) unmeasured += 1;
    const at = new Date(facts.minute + minuteMs);
    for (const change of evaluator.minute(facts)) {
      if (change.kind === 'resolved') {
        const ended = open.get(change.key);
        if (ended !== undefined) ended.resolvedAt = at;
        open.delete(change.key);
        continue;
      }
      const one = open.get(change.cause.key) ?? { cause: change.cause, openedAt: at, resolvedAt: null, affected: new Set<string>() };
      if (!open.has(change.cause.key)) told.push(one);
      for (const { accountId } of change.cause.affected) one.affected.add(accountId);
      one.cause = change.cause;
      open.set(change.cause.key, one);
    }
  }
  return {
    minutes,
    unmeasured,
    alerts: told.map(({ cause, openedAt, resolvedAt, affected }) => ({
      title: cause.title,
      severity: cause.severity,
      rules: [...new Set(cause.findings.map(({ rule }) => rule.id))],
      scope: cause.scope,
      origin: cause.origin,
      connector: cause.subject.connectorId,
      account_id: cause.subject.accountId,
      tenant_id: cause.subject.tenantId,
      endpoint: cause.subject.endpoint,
      opened_at: openedAt.toISOString(),
      resolved_at: resolvedAt?.toISOString() ?? null,
      affected_accounts: affected.size,
    })),
  };
}
