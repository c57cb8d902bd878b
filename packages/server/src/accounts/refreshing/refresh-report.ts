/** What telemetry is told of each refresh for which the vendor was asked, and of those that could not even be begun. */
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { GrantFailure } from '@evenkeel/core/accounts/token.ts';
import type { Observer } from '../../telemetry/observation.ts';

export type RefreshResult = 'refreshed' | 'failed' | 'refused';

export interface ReportedRefresh {
  readonly tenantId: string;
  readonly accountId: string;
  readonly connectorId: string;
  readonly category: string | null;
  readonly actor: string;
  readonly atMs: number;
  readonly totalUs: number;
  readonly upstreamUs: number;
  /** Null: refreshed. `unusable`: this installation cannot ask. */
  readonly failure: GrantFailure | 'unusable' | null;
}

/** Counts of this process by connector and result, since its start. */
export class RefreshReports {
  readonly #observer: Observer;
  readonly #counts = new Map<string, Record<RefreshResult, number>>();

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  note({ actor, failure, ...refresh }: ReportedRefresh): void {
    const result = failure === null ? 'refreshed' : failure !== 'unusable' && failure.kind === 'terminal' ? 'refused' : 'failed';
    const counts = this.#counts.get(refresh.connectorId) ?? { refreshed: 0, failed: 0, refused: 0 };
    counts[result] += 1;
    this.#counts.set(refresh.connectorId, counts);
    const blame = failure === null ? { origin: null, code: null } : failure === 'unusable' ? ({ origin: 'platform', code: 'internal' } as const) : blameOf(failure);
    this.#observer.observe({ kind: 'refresh', surface: surfaceOf(actor), endpoint: null, outcome: failure === null ? 'success' : 'failure', ...blame, ...refresh });
  }

  counts(): ReadonlyMap<string, Readonly<Record<RefreshResult, number>>> {
    return this.#counts;
  }
}

/** Who asked for it, as a bounded word. */
function surfaceOf(actor: string): string {
  return { 'system:scheduler': 'scheduler', 'system:refresh': 'call', 'system:401': 'refused_call', 'system:setup': 'setup' }[actor] ?? 'api';
}

function blameOf({ kind, status, vendorCode }: GrantFailure): { origin: Origin; code: string } {
  switch (kind) {
    case 'terminal':
      return { origin: 'account', code: 'reauth_required' };
    case 'configuration':
      // The app's settings, or a manifest: whoever runs this installation has to act.
      return { origin: 'platform', code: vendorCode === null ? 'connector_invalid' : 'client_refused' };
    case 'rejected':
      return { origin: 'upstream', code: 'refresh_rejected' };
    case 'transient':
      if (status === 429) return { origin: 'upstream', code: 'rate_limited' };
      return { origin: 'upstream', code: status !== null && status < 300 ? 'upstream_invalid_response' : 'upstream_unavailable' };
  }
}
