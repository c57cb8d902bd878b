/** Alerts in PostgreSQL. A change is written together with how far the minutes are judged. */
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { Cause } from '@evenkeel/core/alerts/cause.ts';
import type { Affected, AlertScope, FindingRule } from '@evenkeel/core/alerts/facts.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';

/** A finding as it is stored: the rule by its id, since the playbook may have changed. */
export interface StoredFinding {
  readonly rule: string;
  readonly watch: FindingRule['watch'];
  readonly key: string;
  readonly subject: Cause['subject'];
  readonly origin: Origin | null;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly affected: readonly Affected[];
}

export interface AlertRow {
  id: string;
  key: string;
  source: 'evenkeel' | 'external';
  scope: AlertScope;
  severity: 'P1' | 'P2' | 'P3';
  title: string;
  runbook: string | null;
  origin: Origin | null;
  connector_id: string | null;
  account_id: string | null;
  tenant_id: string | null;
  endpoint: string | null;
  state: 'firing' | 'resolved';
  findings: StoredFinding[];
  opened_at: Date;
  updated_at: Date;
  resolved_at: Date | null;
  joined_into: string | null;
  affected: number;
}

/** Takes the evaluation for this transaction; undefined when another node has it. Begins it with the minute given if there is none. */
export async function takeEvaluation(client: Queryable, beginning: Date): Promise<{ minute: Date; driftId: number } | undefined> {
  await client.query(
    `insert into alert_evaluation (minute, drift_id)
     select $1, coalesce((select max(id) from token_drift), 0)
     on conflict do nothing`,
    [beginning],
  );
  const { rows } = await client.query<{ minute: Date; drift_id: number }>('select minute, drift_id from alert_evaluation for update skip locked');
  return rows[0] === undefined ? undefined : { minute: rows[0].minute, driftId: rows[0].drift_id };
}

export async function storeEvaluation(client: Queryable, minute: Date, driftId: number): Promise<void> {
  await client.query('update alert_evaluation set minute = $1, drift_id = $2', [minute, driftId]);
}

/** Opens an alert and returns its id. `source` tells who found it. */
export async function insertAlert(client: Queryable, cause: Cause, at: Date, source: AlertRow['source'] = 'evenkeel'): Promise<string> {
  const id = newId('alr');
  const { connectorId, accountId, tenantId, endpoint } = cause.subject;
  await client.query(
    `insert into alerts (id, key, source, scope, severity, title, runbook, origin, connector_id, account_id, tenant_id, endpoint, findings, opened_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`,
    [id, cause.key, source, cause.scope, cause.severity, cause.title, cause.runbook, cause.origin, connectorId, accountId, tenantId, endpoint, JSON.stringify(storedFindings(cause)), at],
  );
  await insertAffected(client, id, cause.affected, at);
  return id;
}

/** The worst it has been stays its severity. `worse`: it is more severe than before. */
export async function updateAlert(client: Queryable, cause: Cause, at: Date): Promise<{ id: string; severity: AlertRow['severity']; worse: boolean } | undefined> {
  const { rows } = await client.query<{ id: string; severity: AlertRow['severity']; worse: boolean }>(
    `with open as (select id, severity from alerts where key = $1 and state = 'firing' and source = 'evenkeel' for update)
     update alerts set severity = least(alerts.severity, $2), title = $3, runbook = $4, origin = $5, findings = $6, updated_at = $7
     from open where alerts.id = open.id
     returning alerts.id, alerts.severity, alerts.severity < open.severity as worse`,
    [cause.key, cause.severity, cause.title, cause.runbook, cause.origin, JSON.stringify(storedFindings(cause)), at],
  );
  if (rows[0] !== undefined) await insertAffected(client, rows[0].id, cause.affected, at);
  return rows[0];
}

/** `joined`: the key of the open alert that tells of it since. */
export async function resolveAlert(client: Queryable, key: string, joined: string | null, at: Date, source: AlertRow['source'] = 'evenkeel'): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `update alerts set state = 'resolved', resolved_at = $2, updated_at = $2,
       joined_into = (select id from alerts other where other.key = $3 and other.state = 'firing' and other.source = $4)
     where key = $1 and state = 'firing' and source = $4
     returning id`,
    [key, at, joined, source],
  );
  return rows[0]?.id;
}

async function insertAffected(client: Queryable, alertId: string, affected: readonly Affected[], at: Date): Promise<void> {
  if (affected.length === 0) return;
  await client.query(
    `insert into alert_accounts (alert_id, account_id, tenant_id, since)
     select $1, account_id, coalesce(given.tenant_id, a.tenant_id), $4
     from unnest($2::text[], $3::text[]) as given (account_id, tenant_id)
     left join accounts a on a.id = given.account_id
     on conflict do nothing`,
    [alertId, affected.map(({ accountId }) => accountId), affected.map(({ tenantId }) => tenantId), at],
  );
}

function storedFindings(cause: Cause): StoredFinding[] {
  return cause.findings.map(({ rule, finding }) => ({ rule: rule.id, watch: rule.watch, key: finding.key, subject: finding.subject, origin: finding.origin, evidence: finding.evidence, affected: finding.affected.slice(0, 1000) }));
}

/** The open ones as causes, for an evaluation that goes on. A finding of a rule that is gone is left out. */
export async function openCauses(database: Queryable, rules: readonly FindingRule[]): Promise<Cause[]> {
  const { rows } = await database.query<AlertRow>(`select *, 0 as affected from alerts where state = 'firing' and source = 'evenkeel'`);
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return rows.map((row) => ({
    key: row.key,
    scope: row.scope,
    subject: { connectorId: row.connector_id, accountId: row.account_id, tenantId: row.tenant_id, endpoint: row.endpoint },
    origin: row.origin,
    severity: row.severity,
    title: row.title,
    runbook: row.runbook,
    affected: row.findings.flatMap(({ affected }) => affected),
    findings: row.findings.flatMap(({ rule: id, key, subject, origin, evidence, affected }) => {
      const rule = byId.get(id);
      return rule === undefined ? [] : [{ rule, finding: { key, verdict: 'bad' as const, subject, origin, evidence, affected } }];
    }),
  }));
}

export interface AlertFilter {
  readonly state: AlertRow['state'] | null;
  readonly severity: string | null;
  readonly connectorId: string | null;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly before: { readonly at: Date; readonly id: string } | null;
  readonly limit: number;
}

/** Newest first. A tenant is met by its own alerts and by those that met one of its accounts. */
export async function listAlerts(database: Queryable, filter: AlertFilter): Promise<AlertRow[]> {
  const { rows } = await database.query<AlertRow>(
    `select a.*, (select count(*) from alert_accounts met where met.alert_id = a.id) as affected
     from alerts a
     where ($1::text is null or state = $1)
       and ($2::text is null or severity = $2)
       and ($3::text is null or connector_id = $3)
       and ($4::text is null or account_id = $4 or exists (select from alert_accounts met where met.alert_id = a.id and met.account_id = $4))
       and ($5::text is null or tenant_id = $5 or exists (select from alert_accounts met where met.alert_id = a.id and met.tenant_id = $5))
       and ($6::timestamptz is null or (opened_at, id) < ($6, $7))
     order by opened_at desc, id desc
     limit $8`,
    [filter.state, filter.severity, filter.connectorId, filter.accountId, filter.tenantId, filter.before?.at ?? null, filter.before?.id ?? null, filter.limit],
  );
  return rows;
}

export async function findAlert(database: Queryable, id: string): Promise<AlertRow | undefined> {
  const { rows } = await database.query<AlertRow>('select a.*, (select count(*) from alert_accounts met where met.alert_id = a.id) as affected from alerts a where id = $1', [id]);
  return rows[0];
}

export async function listAffected(database: Queryable, alertId: string, tenantId: string | null): Promise<{ account_id: string; tenant_id: string | null; since: Date }[]> {
  const { rows } = await database.query<{ account_id: string; tenant_id: string | null; since: Date }>(
    'select account_id, tenant_id, since from alert_accounts where alert_id = $1 and ($2::text is null or tenant_id = $2) order by account_id limit 5000',
    [alertId, tenantId],
  );
  return rows;
}
