/**
 * From the address a request names to the connection it takes: origin to dial, path to send, guarded or mapped.
 * Addresses are normalised as the WHATWG URL standard says (dot segments, odd IPv4 notations); the usual case, an
 * already normal address at a known origin, is recognised without parsing.
 */
import { LRUCache } from 'lru-cache';
import { UpstreamError } from './failure.ts';
import type { HostMap } from './host-map.ts';

export interface Target {
  /** The origin the connector names; credentials belong to it. */
  readonly realOrigin: string;
  readonly host: string;
  /** The origin that is dialled. */
  readonly dialOrigin: string;
  /** Path put before the request's own when the host is mapped; else ''. */
  readonly prefix: string;
  readonly guarded: boolean;
  /** The Host field of the request: of what is dialled. */
  readonly hostHeader: string;
}

export interface Address {
  target: Target;
  /** Path with query, beginning with '/'. */
  path: string;
}

export type ResolveAddress = (url: string) => Address;

const splitOrigin = /^https?:\/\/[a-z0-9.:[\]-]+(?=[/?#]|$)/;
/** No character that the URL standard would escape, no fragment. */
const normalPath = /^\/[!$-;=?-[\]_a-z~]*$/i;
/** A dot segment, plain or escaped. */
const dotSegment = /\/\.|%2e/i;

/** Throws UpstreamError `invalid` for anything but an absolute http(s) URL without user information. */
export function createAddressResolver(hostMap: HostMap): ResolveAddress {
  const targets = new LRUCache<string, Target>({ max: 10_000 });
  return (url) => {
    const origin = splitOrigin.exec(url)?.[0];
    if (origin !== undefined) {
      const known = targets.get(origin);
      const path = url.slice(origin.length);
      if (known !== undefined && normalPath.test(path) && !dotSegment.test(path)) return { target: known, path: known.prefix + path };
    }
    const parsed = parse(url);
    const key = parsed.origin;
    let target = targets.get(key);
    if (target === undefined) {
      target = build(parsed, hostMap);
      targets.set(key, target);
    }
    return { target, path: target.prefix + parsed.pathname + parsed.search };
  };
}

function parse(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null) throw new UpstreamError('invalid', 'request', 'The address of the request is not a URL.', 'EINVALIDURL');
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new UpstreamError('invalid', 'request', `The address of the request has the scheme ${parsed.protocol} instead of http or https.`, 'EINVALIDURL');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new UpstreamError('invalid', 'request', `The address at ${parsed.host} holds user information; send credentials in a header.`, 'EINVALIDURL');
  }
  return parsed;
}

function build(parsed: URL, hostMap: HostMap): Target {
  const realOrigin = parsed.origin;
  const base = hostMap.base(realOrigin);
  if (base === null) return { realOrigin, host: parsed.host, dialOrigin: realOrigin, prefix: '', guarded: true, hostHeader: parsed.host };
  const mapped = new URL(base);
  return { realOrigin, host: parsed.host, dialOrigin: mapped.origin, prefix: mapped.pathname.replace(/\/+$/, ''), guarded: false, hostHeader: mapped.host };
}
