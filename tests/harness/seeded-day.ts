/**
 * A working day's traffic, noisy and normal, minute by minute: what every room would have observed. Little at night, most
 * at noon; callers that ask wrongly, an account that is rate-limited all day, vendors that limit everyone for a minute now
 * and then, refreshes that fail. No server errors: of an installation that is a day old, one spends a budget of 99.9 %.
 */
import { hourOfWeek } from '@evenkeel/core/alerts/flat-line.ts';
import type { Observation } from '@evenkeel/server/telemetry/observation.ts';
import { poisson, seeded } from './seeded-chance.ts';

export interface SeededAccount {
  readonly id: string;
  readonly connectorId: string;
  readonly tenantId: string;
  /** How much there is of it, from 1. */
  readonly busy: number;
}

/** Calls of these fail at the vendor in these minutes of the day. */
export interface Outage {
  readonly connectorId: string;
  readonly fromMinute: number;
  readonly toMinute: number;
}

const curve = (ms: number): number => 0.15 + 0.85 * Math.max(0, Math.sin(((hourOfWeek(ms) % 24) - 5) * (Math.PI / 16)));
const eventsPerHour = (busy: number, ms: number): number => 12 * busy * curve(ms);

/** Events of an hour of a past week. */
export const eventsOfHour = (random: () => number, { busy }: SeededAccount, ms: number): number => poisson(random, eventsPerHour(busy, ms));

/** What happened in each minute from `startMs` on; the same for the same seed, but for the outage. */
export function* seededDay(accounts: readonly SeededAccount[], startMs: number, seed: number, outage?: Outage): Generator<Observation[]> {
  const [random, connectors] = [seeded(seed), [...new Set(accounts.map(({ connectorId }) => connectorId))]];
  for (let minute = 0; ; minute += 1) {
    const ms = startMs + minute * 60_000;
    const stumbling = random() < 0.004 ? connectors[Math.floor(random() * connectors.length)] : undefined;
    yield accounts.flatMap((account, number) => {
      const down = outage?.connectorId === account.connectorId && minute >= outage.fromMinute && minute < outage.toMinute;
      return ofMinute(random, account, ms, { limited: account.connectorId === stumbling ? 0.15 : number === 5 ? 0.03 : 0.001 }, down);
    });
  }
}

/** Chance is drawn alike whether the vendor is down or not, so that all else of the day stays as it is. */
function ofMinute(random: () => number, { id, connectorId, tenantId, busy }: SeededAccount, ms: number, { limited }: { limited: number }, down: boolean): Observation[] {
  const common = { tenantId, accountId: id, connectorId, category: 'crm', atMs: ms };
  const observations: Observation[] = [];
  for (let at = poisson(random, 3 * busy * curve(ms)); at > 0; at -= 1) {
    const [drawn, way] = [random(), random() < 0.3 ? ({ surface: 'unified', endpoint: 'crm.contacts.list', vendorEndpoint: 'contacts.list' } as const) : ({ surface: 'proxy', endpoint: 'contacts.list', vendorEndpoint: 'contacts.list' } as const)];
    const upstreamUs = Math.round(Math.exp(10 + random() * 2.5));
    const call = { ...common, ...way, kind: 'call', totalUs: upstreamUs + Math.round(200 + random() * 3_000), upstreamUs } as const;
    if (down) observations.push({ ...call, outcome: 'failure', origin: 'upstream', code: 'upstream_unavailable' });
    else if (drawn < limited) observations.push({ ...call, outcome: 'failure', origin: 'upstream', code: 'rate_limited' });
    else if (drawn < limited + 0.05) observations.push({ ...call, outcome: 'failure', origin: 'caller', code: 'not_found' });
    else observations.push({ ...call, outcome: 'success', origin: null, code: null });
  }
  for (let at = poisson(random, eventsPerHour(busy, ms) / 60); at > 0; at -= 1) {
    const event = { ...common, outcome: 'success', origin: null, code: null, totalUs: 4_000, upstreamUs: 0 } as const;
    observations.push({ ...event, kind: 'inbound', surface: 'webhook', endpoint: 'crm.contact.updated', lagMs: Math.exp(6 + random() * 3) });
    for (let receiver = 0; receiver < 3; receiver += 1) {
      const delivery = { ...event, kind: 'delivery', accountId: null, connectorId: null, category: null, endpoint: `end_${tenantId}_${receiver}` } as const;
      observations.push({ ...delivery, surface: 'delivery', lagMs: 20 + random() * 2_000 });
    }
  }
  if (random() < 1 / 55) {
    const fails = random() < 0.01;
    observations.push({ ...common, category: null, kind: 'refresh', surface: 'scheduler', endpoint: null, outcome: fails ? 'failure' : 'success', origin: fails ? 'upstream' : null, code: fails ? 'upstream_unavailable' : null, totalUs: 90_000, upstreamUs: 80_000 });
  }
  return observations;
}
