/**
 * Where a public key comes from: a stored value, or the vendor. What has to be fetched is named exactly and given back
 * by the shell; an address that a request names is held against the hosts of the manifest first.
 */
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { PublicKey } from '@evenkeel/contract/manifest/webhooks.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { compileText } from './message.ts';
import type { RefusalReason } from './refusal.ts';
import type { PublicKeyMaterial } from './verification-port.ts';

/** A key to be fetched. `id` names what was fetched in a cache: the same id, the same answer. */
export interface KeyNeed {
  readonly id: string;
  readonly from: 'jwks' | 'jwk' | 'certificate';
  /** Of `jwks` and `certificate`: https, checked against the manifest's hosts. */
  readonly url: string | null;
  /** Of `jwk`: to be built with `scope` beside the account's or app's. */
  readonly request: Request | null;
  readonly scope: Scope;
  /** Plain path of the key in the answer of `request`. */
  readonly path: string;
  /** The id of the key asked for; null where there is none. */
  readonly kid: string | null;
  readonly maxAgeS: number;
}
/** What was fetched: JSON for `jwks` and `jwk` (the key itself), PEM text for a certificate. */
export type FetchedKey =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'pem'; readonly text: string }
  /** The vendor answered that there is no such key. */
  | { readonly kind: 'unknown' }
  /** The vendor could not be asked. */
  | { readonly kind: 'unavailable' };
export type FetchedKeys = (id: string) => FetchedKey | undefined;

export type KeyResult =
  | { readonly kind: 'key'; readonly key: PublicKeyMaterial }
  | { readonly kind: 'needs_key'; readonly need: KeyNeed }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

const dayS = 86_400;
const refused = (reason: RefusalReason): KeyResult => ({ kind: 'refused', reason });

/** `scope` holds the root `signature` with the header of a token. */
export function compilePublicKey(source: PublicKey): (scope: Scope, fetched: FetchedKeys) => KeyResult {
  switch (source.from) {
    case 'value': {
      const read = compileText(source.value);
      const { format, strip_prefix: prefix } = source;
      return (scope) => {
        const whole = read(scope)?.trim() ?? '';
        const text = prefix !== undefined && whole.startsWith(prefix) ? whole.slice(prefix.length) : whole;
        return text === '' ? refused('missing_secret') : { kind: 'key', key: { format, text } };
      };
    }
    case 'jwks': {
      const read = compileText(source.url);
      return (scope, fetched) => {
        const url = read(scope);
        const kid = kidOf(scope);
        if (url === undefined) return refused('missing_secret');
        if (kid === null) return refused('wrong_token');
        return fromAnswer(fetched, need({ id: `jwks ${url}`, from: 'jwks', url, kid, maxAgeS: source.max_age_s ?? dayS }), (value) => pick(value, kid));
      };
    }
    case 'jwk':
      return (scope, fetched) => {
        const kid = kidOf(scope);
        if (kid === null) return refused('wrong_token');
        return fromAnswer(fetched, need({ id: `jwk ${kid}`, from: 'jwk', request: source.request, scope: { signature: scope.signature }, path: source.path ?? '', kid, maxAgeS: source.max_age_s ?? dayS }), asKey);
      };
    case 'certificate': {
      const read = compileText(source.url);
      return (scope, fetched) => {
        const url = read(scope);
        if (url === undefined) return refused('missing_part');
        if (!isAllowed(url, source.hosts)) return refused('unknown_key');
        return fromAnswer(fetched, need({ id: `certificate ${url}`, from: 'certificate', url, maxAgeS: source.max_age_s ?? dayS }), () => undefined);
      };
    }
  }
}

/** A key id is short printable text: it becomes part of a request and of a cache's key. */
function kidOf(scope: Scope): string | null {
  const { kid } = (scope.signature ?? {}) as { kid?: unknown };
  return typeof kid === 'string' && /^[\x21-\x7e]{1,200}$/.test(kid) ? kid : null;
}

function need(given: Partial<KeyNeed> & Pick<KeyNeed, 'id' | 'from' | 'maxAgeS'>): KeyNeed {
  return { url: null, request: null, scope: {}, path: '', kid: null, ...given };
}

/** An absolute https address without credentials or port, at one of the hosts. ".vendor.com" is any name under it. */
export function isAllowed(url: string, hosts: readonly string[]): boolean {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '' || parsed.port !== '') return false;
  return hosts.some((host) => (host.startsWith('.') ? parsed.hostname.endsWith(host) && parsed.hostname.length > host.length : parsed.hostname === host));
}

function fromAnswer(fetched: FetchedKeys, wanted: KeyNeed, read: (value: unknown) => Readonly<Record<string, unknown>> | undefined): KeyResult {
  const found = fetched(wanted.id);
  if (found === undefined) return { kind: 'needs_key', need: wanted };
  if (found.kind === 'unavailable') return refused('key_unavailable');
  if (found.kind === 'pem') return { kind: 'key', key: { format: 'certificate', text: found.text } };
  const jwk = found.kind === 'json' ? read(found.value) : undefined;
  return jwk === undefined ? refused('unknown_key') : { kind: 'key', key: { format: 'jwk', jwk } };
}

function asKey(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && 'kty' in value ? (value as Record<string, unknown>) : undefined;
}

function pick(set: unknown, kid: string): Readonly<Record<string, unknown>> | undefined {
  const { keys } = (typeof set === 'object' && set !== null ? set : {}) as { keys?: unknown };
  return Array.isArray(keys) ? keys.map(asKey).find((key) => key?.['kid'] === kid) : undefined;
}
