/**
 * Which network addresses a call to a vendor may reach. Fails closed: an address passes only when it is a public
 * unicast address, or lies in a range the operator allowed. Names are judged after resolution, by the very address that
 * is then dialled (see dialer.ts), so a name that resolves differently the second time gains nothing.
 * Ranges: the IANA special-purpose address registries (RFC 6890), NAT64 RFC 6052 and RFC 8215.
 */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Addresses inside public ranges (or easily overlooked) at which clouds serve instance metadata. */
const metadataAddresses = new Set(['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254']);

const globalUnicastV6 = ipaddr.IPv6.parseCIDR('2000::/3');
const nat64WellKnown = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

export type AddressVerdict = { ok: true } | { ok: false; range: string };

export interface AddressGuard {
  /** Judges a textual IPv4 or IPv6 address, without brackets; anything that is not one is refused. */
  judge(address: string): AddressVerdict;
}

/**
 * `allow` lists CIDR ranges that may be reached although they are not public, e.g. `10.20.0.0/16`.
 * Throws when an entry is not a CIDR range: a misread allow-list must not start.
 */
export function createAddressGuard(allow: readonly string[] = []): AddressGuard {
  const allowed = allow.map(parseRange);
  return { judge: (address) => judge(address, allowed) };
}

function parseRange(text: string): Range {
  try {
    return ipaddr.parseCIDR(text.trim());
  } catch {
    throw new Error(`The allowed address range "${text}" is not in CIDR form. Write it as 10.20.0.0/16 or fd00:1::/64.`);
  }
}

function judge(text: string, allowed: readonly Range[]): AddressVerdict {
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return { ok: false, range: 'not an address' };
  const address = embedded(ipaddr.parse(bare));
  if (allowed.some((range) => within(address, range))) return { ok: true };
  if (metadataAddresses.has(address.toString())) return { ok: false, range: 'metadata' };
  const range = address.range();
  if (range !== 'unicast') return { ok: false, range };
  if (address.kind() === 'ipv6' && !within(address, globalUnicastV6)) return { ok: false, range: 'reserved' };
  return { ok: true };
}

/** A v4 address carried in v4-mapped or well-known NAT64 form is judged as the v4 address that is reached. */
function embedded(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (address.match(nat64WellKnown)) return new ipaddr.IPv4(address.toByteArray().slice(12));
  return address;
}

function within(address: Address, [base, bits]: Range): boolean {
  if (address instanceof ipaddr.IPv4) return base instanceof ipaddr.IPv4 && address.match(base, bits);
  return base instanceof ipaddr.IPv6 && address.match(base, bits);
}
