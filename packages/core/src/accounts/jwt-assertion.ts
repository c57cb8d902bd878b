/** A signed assertion for the JWT bearer grant (RFC 7523) or as a bearer token itself; JWS compact form, RFC 7515. */
import type { AuthSchemeOf } from '@evenkeel/contract/manifest/auth.ts';
import { base64url, toBytes } from '../connectors/values/bytes.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { compileTemplate, compileValue } from '../connectors/values/value.ts';

export interface Assertion {
  readonly jwt: string;
  readonly expiresAtMs: number;
}

/**
 * Signs the claims the manifest states, with `iat` and `exp` added where it states none. `nowMs` is backdated by
 * `backdate_s` against clocks that run behind. Throws when the key is absent or no key: its message never holds it.
 */
export async function buildAssertion(scheme: AuthSchemeOf<'jwt_bearer'>, scope: Scope, env: { nowMs: number; crypto: CryptoPort }): Promise<Assertion> {
  const { alg, key: keyTemplate, header, claims, lifetime_s: lifetimeS, backdate_s: backdateS = 0 } = scheme.assertion;
  const key = compileTemplate(keyTemplate)(scope);
  if (typeof key !== 'string' || key === '') throw new TypeError(`The signing key of the scheme "${scheme.id}" is empty: enter it in the connect form or the app settings.`);
  const issuedAt = Math.floor(env.nowMs / 1000) - backdateS;
  const expiresAt = issuedAt + lifetimeS;
  const stated = asObject(await compileValue(claims)(scope));
  const signed = [
    { typ: 'JWT', ...asObject(await compileValue(header ?? {})(scope)), alg },
    { iat: issuedAt, exp: expiresAt, ...stated },
  ];
  const input = signed.map((part) => base64url(JSON.stringify(part))).join('.');
  const data = toBytes(input);
  const signature = alg === 'HS256' ? env.crypto.hmac('sha256', toBytes(key), data) : signWith(scheme.id, key, () => env.crypto.sign(alg, key, data));
  const exp = stated['exp'];
  return { jwt: `${input}.${base64url(signature)}`, expiresAtMs: (typeof exp === 'number' ? exp : expiresAt) * 1000 };
}

function signWith(schemeId: string, key: string, sign: () => Uint8Array): Uint8Array {
  try {
    return sign();
  } catch {
    const looksLikePem = key.includes('-----BEGIN');
    throw new TypeError(`The signing key of the scheme "${schemeId}" cannot be used: ${looksLikePem ? 'its PEM is damaged or of another kind' : 'it is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)'}.`);
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
