/** Modes, their changes, and burn-rate alerts in PostgreSQL. */
import type { PolicyMode } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Queryable } from '../../database/pool.ts';
import type { Scope } from './scopes.ts';

export const stateKey = (objectiveId: string, { kind, id }: Scope): string => `${objectiveId} ${kind} ${id}`;

export interface ModeState {
  readonly mode: PolicyMode;
  readonly since: Date;
}

/** Every budget that is not in the normal mode, with what its last change saw. */
export async function readWorseModes(database: Queryable, objectiveIds: readonly string[]) {
  const { rows } = await database.query<{ objective_id: string; scope_kind: ScopeKind; scope_id: string; mode: PolicyMode; mode_since: Date; remaining_percent: string | null; total: number | null; bad: number | null }>(
    `select s.*, c.remaining_percent, c.total, c.bad from objective_states s
     left join lateral (
       select remaining_percent, total, bad from budget_mode_changes
       where objective_id = s.objective_id and scope_kind = s.scope_kind and scope_id = s.scope_id order by id desc limit 1
     ) c on true
     where s.mode <> 'normal' and s.objective_id = any($1)
     order by s.objective_id, s.scope_kind, s.scope_id`,
    [objectiveIds],
  );
  return rows;
}

export async function readModes(database: Queryable, objectiveIds: readonly string[]): Promise<Map<string, ModeState>> {
  const { rows } = await database.query<{ objective_id: string; scope_kind: ScopeKind; scope_id: string; mode: PolicyMode; mode_since: Date }>(
    'select objective_id, scope_kind, scope_id, mode, mode_since from objective_states where objective_id = any($1)',
    [objectiveIds],
  );
  return new Map(rows.map((row) => [stateKey(row.objective_id, { kind: row.scope_kind, id: row.scope_id }), { mode: row.mode, since: row.mode_since }]));
}

export interface ModeChange {
  readonly id: string;
  readonly objectiveId: string;
  readonly scope: Scope;
  readonly from: PolicyMode | null;
  readonly to: PolicyMode;
  readonly minute: number;
  readonly total: number;
  readonly bad: number;
  /** Null when the mode has expired. */
  readonly remainingPercent: string | null;
  readonly freeze: string;
  readonly notify: readonly string[];
  readonly incident: string | null;
  readonly actions: readonly string[];
  readonly eventId: string;
}

/** The mode and what led to it, together. */
export async function writeModeChange(client: Queryable, change: ModeChange): Promise<void> {
  const { id, objectiveId, scope, minute } = change;
  await client.query(
    `insert into objective_states (objective_id, scope_kind, scope_id, mode, mode_since) values ($1, $2, $3, $4, $5)
     on conflict (objective_id, scope_kind, scope_id) do update set mode = excluded.mode, mode_since = excluded.mode_since`,
    [objectiveId, scope.kind, scope.id, change.to, new Date((minute + 1) * 60_000)],
  );
  await client.query(
    `insert into budget_mode_changes (id, objective_id, scope_kind, scope_id, from_mode, to_mode, minute, total, bad, remaining_percent, deploy_freeze, notify, incident, actions, event_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [id, objectiveId, scope.kind, scope.id, change.from, change.to, minute, change.total, change.bad, change.remainingPercent, change.freeze, change.notify, change.incident, change.actions, change.eventId],
  );
}

export interface ModeChangeRow {
  id: string;
  objective_id: string;
  scope_kind: ScopeKind;
  scope_id: string;
  from_mode: PolicyMode | null;
  to_mode: PolicyMode;
  minute: number;
  total: number;
  bad: number;
  remaining_percent: string | null;
  deploy_freeze: string;
  notify: string[];
  incident: string | null;
  actions: string[];
  event_id: string;
  at: Date;
}

export async function listModeChanges(database: Queryable, objectiveId: string, scope: Scope, limit: number): Promise<ModeChangeRow[]> {
  const { rows } = await database.query<ModeChangeRow>(
    'select * from budget_mode_changes where objective_id = $1 and scope_kind = $2 and scope_id = $3 order by id desc limit $4',
    [objectiveId, scope.kind, scope.id, limit],
  );
  return rows;
}

export interface BurnAlertRow {
  id: string;
  objective_id: string;
  scope_kind: ScopeKind;
  scope_id: string;
  tier: string;
  severity: string;
  origin: 'platform' | 'upstream';
  notify: string[];
  fired_minute: number;
  resolved_minute: number | null;
  long_bad: number;
  long_total: number;
  short_bad: number;
  short_total: number;
  fired_at: Date;
  resolved_at: Date | null;
}

export async function readFiring(database: Queryable, objectiveIds: readonly string[]): Promise<BurnAlertRow[]> {
  const { rows } = await database.query<BurnAlertRow>('select * from burn_alerts where resolved_minute is null and objective_id = any($1)', [objectiveIds]);
  return rows;
}

export async function openBurnAlert(client: Queryable, alert: Omit<BurnAlertRow, 'resolved_minute' | 'fired_at' | 'resolved_at'>): Promise<void> {
  await client.query(
    `insert into burn_alerts (id, objective_id, scope_kind, scope_id, tier, severity, origin, notify, fired_minute, long_bad, long_total, short_bad, short_total)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [alert.id, alert.objective_id, alert.scope_kind, alert.scope_id, alert.tier, alert.severity, alert.origin, alert.notify, alert.fired_minute, alert.long_bad, alert.long_total, alert.short_bad, alert.short_total],
  );
}

export async function resolveBurnAlert(client: Queryable, id: string, minute: number): Promise<void> {
  await client.query('update burn_alerts set resolved_minute = $2, resolved_at = now() where id = $1', [id, minute]);
}

export interface BurnAlertFilter {
  readonly objectiveId: string | null;
  readonly scope: Scope | null;
  readonly firing: boolean | null;
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function listBurnAlerts(database: Queryable, filter: BurnAlertFilter): Promise<BurnAlertRow[]> {
  const { rows } = await database.query<BurnAlertRow>(
    `select * from burn_alerts
     where ($1::text is null or objective_id = $1) and ($2::text is null or (scope_kind = $2 and scope_id = $3))
       and ($4::boolean is null or (resolved_minute is null) = $4) and ($5::text is null or id < $5)
     order by id desc limit $6`,
    [filter.objectiveId, filter.scope?.kind ?? null, filter.scope?.id ?? null, filter.firing, filter.before, filter.limit],
  );
  return rows;
}
