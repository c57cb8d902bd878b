/** Error rates by endpoint, the vendor's and the unified ones side by side, and whose problem each failing one is. */
import type { EndpointVerdict, ErrorRate } from '@evenkeel/contract/api/monitoring.ts';
import { compareEndpoints, type Comparison, type EndpointCell } from '@evenkeel/core/telemetry/comparison.ts';
import { percentiles, ratioOf, type Asked } from './figures.ts';
import { sketchWindows, sumWindows, type WindowSums } from './window-store.ts';

const dimensions = ['surface', 'connector_id', 'endpoint', 'vendor_endpoint'] as const;
type Way = ErrorRate['results'][number]['way'];
type Row = ErrorRate['results'][number];

export async function readErrorRate({ database, windows, tenantId, connectorId, limit }: Asked): Promise<Pick<ErrorRate, 'results' | 'verdicts'>> {
  // The control of a comparison is on other connectors: all are read, and what was asked for is shown.
  const filter = { kind: 'call' as const, tenantId, connectorId: null };
  const sums = await sumWindows(database, windows, filter, dimensions);
  const cells = joined(sums.flatMap(cellOf));
  const shown = sums
    .filter(({ dimensions: { connector_id: connector } }) => connector !== null && (connectorId === null || connector === connectorId))
    .toSorted((a, b) => failuresOf(b) - failuresOf(a) || b.now.total - a.now.total)
    .slice(0, limit);
  const shownFilter = { ...filter, connectorId };
  const present = { ...windows, from: windows.mid };
  const [totals, overheads] = await Promise.all([sketchWindows(database, present, shownFilter, dimensions, 'total_sketch'), sketchWindows(database, present, shownFilter, dimensions, 'overhead_sketch')]);
  const results = shown.map((row): Row => {
    const { surface, connector_id: connector, endpoint, vendor_endpoint: vendor } = row.dimensions;
    return {
      connector: connector ?? '',
      endpoint: endpoint ?? '',
      vendor_endpoint: vendor ?? endpoint ?? '',
      way: wayOf(surface),
      now: figures(row.now),
      before: figures(row.before),
      total_ms: percentiles(totals.of(row.dimensions)?.now),
      overhead_ms: percentiles(overheads.of(row.dimensions)?.now),
    };
  });
  const verdicts = compareEndpoints(cells).filter(({ connector }) => connectorId === null || connector === connectorId);
  return { results, verdicts: verdicts.slice(0, limit).map(shownVerdict) };
}

const wayOf = (surface: string | null): Way => (surface === 'unified' || surface === 'external' || surface === 'background' ? surface : 'direct');
const failuresOf = ({ now }: WindowSums): number => now.platform + now.upstream;

function figures({ total, accounts, failing_accounts, caller, account, platform, upstream, rate_limited, aborted, codes }: WindowSums['now']): Row['now'] {
  return { total, accounts, failing_accounts, caller, account, platform, upstream, rate_limited, error_rate: ratioOf(platform + upstream, total - aborted), codes };
}

/** Rate limits tell of volume, not of an endpoint that fails. */
function cellOf({ dimensions: { surface, connector_id: connector, endpoint, vendor_endpoint: vendor }, now }: WindowSums): EndpointCell[] {
  if (connector === null || endpoint === null) return [];
  // What Evenkeel asks for itself goes the same two ways as the calls of tenants.
  const mapped = surface === 'unified' || (surface === 'background' && vendor !== null && vendor !== endpoint);
  const { accounts, failing_accounts: failingAccounts, platform, upstream, rate_limited: limited, aborted, total } = now;
  return [{ connector, way: mapped ? 'unified' : 'direct', endpoint, vendorEndpoint: vendor ?? endpoint, accounts, failingAccounts, total: total - aborted - limited, platform, upstream: upstream - limited }];
}

/** Cells that differ in their surface only become one; of their accounts at least so many are distinct. */
function joined(cells: readonly EndpointCell[]): EndpointCell[] {
  return [...Map.groupBy(cells, ({ connector, way, endpoint, vendorEndpoint }) => `${connector} ${way} ${endpoint} ${vendorEndpoint}`).values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const sum = (of: (cell: EndpointCell) => number): number => same.reduce((total, cell) => total + of(cell), 0);
    return [{
      ...first,
      accounts: Math.max(...same.map(({ accounts }) => accounts)),
      failingAccounts: Math.max(...same.map(({ failingAccounts }) => failingAccounts)),
      total: sum(({ total }) => total),
      platform: sum(({ platform }) => platform),
      upstream: sum(({ upstream }) => upstream),
    }];
  });
}

function shownVerdict({ connector, endpoint, vendorEndpoint, way, whose, because, failed, total, accounts, failingAccounts }: Comparison): EndpointVerdict {
  return { connector, endpoint, vendor_endpoint: vendorEndpoint, way, whose, because, explanation: explain(because, connector, endpoint, vendorEndpoint), failed, total, accounts, failing_accounts: failingAccounts };
}

function explain(because: Comparison['because'], connector: string, endpoint: string, vendorEndpoint: string): string {
  switch (because) {
    case 'fails_direct_too':
      return `${connector} ${vendorEndpoint} fails for calls that nothing is mapped for as well: not the mapping of ${endpoint}. Follow the vendor's status.`;
    case 'fails_only_unified':
      return `${endpoint} fails on ${connector} accounts while direct calls of ${vendorEndpoint} pass: look at the mapping.`;
    case 'fails_on_every_connector':
      return `${endpoint} fails on every connector that serves it: look at the platform and the model, not at ${connector}.`;
    case 'other_connectors_well':
      return `${endpoint} fails on ${connector} accounts and passes on other connectors; each call's evidence says on which side.`;
    case 'one_account':
      return `${connector} ${endpoint} fails for one account of several: look at that account's settings, permissions and data.`;
    case 'own_attribution':
      return `Nothing to compare ${connector} ${endpoint} with: the evidence of its own calls decides.`;
    case 'too_little_volume':
      return `${connector} ${endpoint} had too few calls to say whose failures these are; look at the calls.`;
  }
}
