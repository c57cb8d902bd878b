/** Silences: alerts that are not told to anyone for a while. They are shown as they are, and every silence ends. */
import type { SilenceMatchers } from '@evenkeel/contract/api/alerts.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import type { AlertRow } from './alert-store.ts';

export interface SilenceRow {
  id: string;
  matchers: SilenceMatchers;
  reason: string;
  created_by: string;
  created_at: Date;
  expires_at: Date;
}

export async function insertSilence(database: Queryable, silence: { matchers: SilenceMatchers; reason: string; createdBy: string; expiresAt: Date }): Promise<SilenceRow> {
  const { rows } = await database.query<SilenceRow>(
    'insert into alert_silences (id, matchers, reason, created_by, expires_at) values ($1, $2, $3, $4, $5) returning *',
    [newId('sil'), JSON.stringify(silence.matchers), silence.reason, silence.createdBy, silence.expiresAt],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('an insert with RETURNING gave no row');
  return row;
}

/** In force first, then those that have ended, newest first. */
export async function listSilences(database: Queryable, limit: number): Promise<SilenceRow[]> {
  const { rows } = await database.query<SilenceRow>('select * from alert_silences order by expires_at desc, id desc limit $1', [limit]);
  return rows;
}

/** Ends it now; false when there is none in force. */
export async function endSilence(database: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await database.query(`update alert_silences set expires_at = greatest(now(), created_at + interval '1 microsecond') where id = $1 and expires_at > now()`, [id]);
  return rowCount === 1;
}

/** A silence in force that every matcher of fits the alert. */
export async function silenceOf(database: Queryable, alert: AlertRow): Promise<SilenceRow | undefined> {
  const { rows } = await database.query<SilenceRow>('select * from alert_silences where expires_at > now() order by expires_at desc');
  const rules = new Set(alert.findings.map(({ rule }) => rule));
  return rows.find(({ matchers: { connector, account_id: account, tenant_id: tenant, rule, severity } }) =>
    (connector === undefined || connector === alert.connector_id)
    && (account === undefined || account === alert.account_id)
    && (tenant === undefined || tenant === alert.tenant_id)
    && (severity === undefined || severity === alert.severity)
    && (rule === undefined || rules.has(rule)));
}
