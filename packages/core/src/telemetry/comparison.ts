/**
 * "Their problem" or "ours", told by comparing: a vendor's endpoint that fails for everyone who uses it, against one
 * unified endpoint that fails only where one connector serves it. Failures of callers and of single accounts are neither's.
 */

/** The failures of one endpoint of one connector over one surface in a window. */
export interface EndpointCell {
  readonly connector: string;
  /** `unified`: through a model; `direct`: proxy and passthrough, where nothing is mapped. */
  readonly way: 'unified' | 'direct';
  /** crm.contacts.list, or contacts.list for a direct one. */
  readonly endpoint: string;
  /** The vendor's operation that serves it. */
  readonly vendorEndpoint: string;
  readonly accounts: number;
  /** Accounts with at least one failure of platform or upstream. */
  readonly failingAccounts: number;
  readonly total: number;
  /** Failures by whom each single one was attributed to. */
  readonly platform: number;
  readonly upstream: number;
}

export type Whose = 'upstream' | 'platform' | 'account' | 'unclear';

export interface Comparison {
  readonly connector: string;
  readonly endpoint: string;
  readonly vendorEndpoint: string;
  readonly way: EndpointCell['way'];
  readonly whose: Whose;
  /** What decided; fit for grouping. */
  readonly because: 'fails_direct_too' | 'fails_only_unified' | 'fails_on_every_connector' | 'one_account' | 'other_connectors_well' | 'own_attribution' | 'too_little_volume';
  readonly failed: number;
  readonly total: number;
  readonly accounts: number;
  readonly failingAccounts: number;
}

/** Below these nothing is said to fail. */
const minFailures = 5;
const minRatio = 0.02;
/** A control group with fewer calls proves nothing. */
const minControl = 20;
/** How much better the control has to be. */
const contrast = 4;

const failures = ({ platform, upstream }: EndpointCell): number => platform + upstream;
const ratio = (cell: { platform: number; upstream: number; total: number }): number => (cell.total === 0 ? 0 : (cell.platform + cell.upstream) / cell.total);
const fails = (cell: EndpointCell): boolean => failures(cell) >= minFailures && ratio(cell) >= minRatio;

/** One comparison for each cell that fails, the largest first. Pure; cells are unique in connector, way, endpoint and vendor endpoint. */
export function compareEndpoints(cells: readonly EndpointCell[]): Comparison[] {
  const failing = cells.filter(fails).toSorted((a, b) => failures(b) - failures(a));
  return failing.map((cell) => {
    const { connector, endpoint, vendorEndpoint, way, total, accounts, failingAccounts } = cell;
    return { connector, endpoint, vendorEndpoint, way, ...judge(cell, cells), failed: failures(cell), total, accounts, failingAccounts };
  });
}

function judge(cell: EndpointCell, cells: readonly EndpointCell[]): Pick<Comparison, 'whose' | 'because'> {
  if (cell.failingAccounts === 1 && cell.accounts >= 3) return { whose: 'account', because: 'one_account' };
  if (cell.way === 'direct') return attributed(cell);
  const direct = sum(cells.filter((one) => one.way === 'direct' && one.connector === cell.connector && one.vendorEndpoint === cell.vendorEndpoint));
  if (direct.total >= minControl) {
    if (ratio(direct) * contrast > ratio(cell)) return { whose: direct.upstream >= direct.platform ? 'upstream' : 'platform', because: 'fails_direct_too' };
    return { whose: 'platform', because: 'fails_only_unified' };
  }
  const others = cells.filter((one) => one.way === 'unified' && one.endpoint === cell.endpoint && one.connector !== cell.connector && one.total >= minControl);
  if (others.length === 0) return attributed(cell);
  if (others.every(fails)) return cell.platform >= cell.upstream ? { whose: 'platform', because: 'fails_on_every_connector' } : attributed(cell);
  // Well elsewhere: the model works, and what is particular to this connector is its mapping and its vendor.
  return { whose: cell.platform >= cell.upstream ? 'platform' : 'upstream', because: 'other_connectors_well' };
}

/** Without a control the evidence of each single request decides, where it is of one mind. */
function attributed({ platform, upstream, total }: EndpointCell): Pick<Comparison, 'whose' | 'because'> {
  if (total < minControl) return { whose: 'unclear', because: 'too_little_volume' };
  const share = upstream / (platform + upstream);
  return { whose: share >= 0.8 ? 'upstream' : share <= 0.2 ? 'platform' : 'unclear', because: 'own_attribution' };
}

function sum(cells: readonly EndpointCell[]): { total: number; platform: number; upstream: number } {
  return cells.reduce((all, { total, platform, upstream }) => ({ total: all.total + total, platform: all.platform + platform, upstream: all.upstream + upstream }), { total: 0, platform: 0, upstream: 0 });
}
