/** JSON Web Tokens that prove a webhook (RFC 7515 compact form, RFC 7519 claims). Reads and judges; the signature is the caller's to check. */
import { fromBase64 } from '../connectors/values/bytes.ts';
import { isRecord } from '../connectors/lint/shape.ts';

export interface ReadToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The bytes that are signed: both parts as they came, with the dot. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

const maxLength = 16_384;

/** Undefined for what is no token, one with unencoded payload or critical extensions included. */
export function readToken(text: string): ReadToken | undefined {
  if (text.length > maxLength) return undefined;
  const [head, body, tail, ...rest] = text.split('.');
  if (head === undefined || body === undefined || tail === undefined || rest.length > 0) return undefined;
  const header = jsonOf(head);
  const claims = jsonOf(body);
  const signature = bytesOf(tail);
  if (header === undefined || claims === undefined || signature === undefined || signature.length === 0 || Object.hasOwn(header, 'crit')) return undefined;
  return { header, claims, signed: new TextEncoder().encode(`${head}.${body}`), signature };
}

function bytesOf(part: string): Uint8Array | undefined {
  return /^[A-Za-z0-9_-]+$/.test(part) ? fromBase64(part) : undefined;
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  const bytes = bytesOf(part);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export interface TokenDemands {
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly maxAgeS: number | undefined;
}

/** Clocks of vendors and of this machine differ by seconds. */
const leewayS = 60;

/** Whether the claims hold at `nowMs`. A claim of time that is no number is no claim that holds. */
export function claimsHold(claims: Readonly<Record<string, unknown>>, demands: TokenDemands, nowMs: number): 'ok' | 'wrong_token' | 'too_old' | 'in_future' {
  const nowS = nowMs / 1000;
  const { exp, nbf, iat, iss, aud } = claims;
  if ((exp !== undefined && typeof exp !== 'number') || (nbf !== undefined && typeof nbf !== 'number') || (iat !== undefined && typeof iat !== 'number')) return 'wrong_token';
  if (demands.issuers !== undefined && !(typeof iss === 'string' && demands.issuers.includes(iss))) return 'wrong_token';
  const audiences: readonly unknown[] = Array.isArray(aud) ? (aud as unknown[]) : [aud];
  if (demands.audiences !== undefined && !demands.audiences.some((one) => audiences.includes(one))) return 'wrong_token';
  if (exp !== undefined && nowS > exp + leewayS) return 'too_old';
  if ((nbf !== undefined && nowS < nbf - leewayS) || (iat !== undefined && nowS < iat - leewayS)) return 'in_future';
  if (demands.maxAgeS !== undefined && (iat === undefined || nowS - iat > demands.maxAgeS)) return 'too_old';
  return 'ok';
}
