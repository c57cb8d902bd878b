/**
 * Verification of what Evenkeel sends, by the Standard Webhooks specification: `v1` (HMAC-SHA256) and `v1a` (Ed25519), in
 * constant time, with a tolerance for the age, and with several secrets while one is replaced. Web Crypto only: Node,
 * browsers, edge runtimes.
 */
import type { WebhookEvent } from './generated/events.ts';

export interface VerifyOptions {
  /** Seconds by which the timestamp may differ from now, both ways; default 300. */
  readonly toleranceS?: number;
  /** Milliseconds since the epoch; default now. */
  readonly nowMs?: number;
}

/** The webhook is not to be believed. `code` says why; answer it with 400 and do nothing. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: 'missing_header' | 'invalid_timestamp' | 'too_old' | 'too_new' | 'no_match' | 'invalid_body';

  constructor(code: WebhookVerificationError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Headers as a Request, as Node's `request.headers`, or as a plain record has them. */
export type WebhookHeaders = { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The event, once it is proven that the holder of one of `secrets` (`whsec_…`, or `whpk_…` for Ed25519) has sent exactly
 * these bytes a short while ago. `body` is the body as it came, before any parsing. Throws WebhookVerificationError, or a
 * TypeError for a secret that is none.
 */
export async function verifyWebhook(body: string | Uint8Array, headers: WebhookHeaders, secrets: string | readonly string[], options: VerifyOptions = {}): Promise<WebhookEvent> {
  const given = typeof secrets === 'string' ? [secrets] : secrets;
  if (given.length === 0) throw new TypeError('Pass at least one secret.');
  const verifiers = given.map(verifierOf);
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headerOf(headers, name)) as [string, string, string];
  checkTime(timestamp, options);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const prefix = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(prefix.length + bytes.length);
  signed.set(prefix);
  signed.set(bytes, prefix.length);
  // Every secret is compared with every signature, so that the time taken does not tell which one fitted.
  const matches = await Promise.all(signatures.split(' ').flatMap((one) => verifiers.map((verifier) => matchesOne(verifier, one, signed))));
  if (!matches.some(Boolean)) throw new WebhookVerificationError('no_match', 'No signature of this webhook fits a secret: it was not sent by Evenkeel, its body was changed on the way, or the secret is another endpoint\'s.');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as WebhookEvent;
  } catch {
    throw new WebhookVerificationError('invalid_body', 'The body is signed, and is no JSON.');
  }
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === 'function' ? (headers as { get(name: string): string | null }).get(name) : fromRecord(headers as Readonly<Record<string, string | readonly string[] | undefined>>, name);
  if (value === null || value === undefined || value === '') throw new WebhookVerificationError('missing_header', `The webhook has no header ${name}.`);
  return value;
}

function fromRecord(headers: Readonly<Record<string, string | readonly string[] | undefined>>, name: string): string | undefined {
  const value = headers[name] ?? Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === 'string' || value === undefined ? value : value[0];
}

function checkTime(timestamp: string, { toleranceS = 300, nowMs = Date.now() }: VerifyOptions): void {
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookVerificationError('invalid_timestamp', 'The header webhook-timestamp is no number of seconds.');
  const ageS = nowMs / 1000 - Number(timestamp);
  if (ageS > toleranceS) throw new WebhookVerificationError('too_old', `The webhook was signed ${Math.round(ageS)} s ago: it may be a repetition by somebody else.`);
  if (ageS < -toleranceS) throw new WebhookVerificationError('too_new', `The webhook was signed ${Math.round(-ageS)} s in the future: check this machine's clock.`);
}

interface Verifier {
  readonly version: 'v1' | 'v1a';
  readonly key: Uint8Array<ArrayBuffer>;
}

function verifierOf(secret: string): Verifier {
  const isPublic = secret.startsWith('whpk_');
  const key = secret.startsWith('whsec_') || isPublic ? bytesOf(secret.slice(secret.indexOf('_') + 1)) : undefined;
  if (key === undefined || key.length === 0 || (isPublic && key.length !== 32)) throw new TypeError('A secret is whsec_ or whpk_ followed by base64, as Evenkeel shows it once when an endpoint is made.');
  return { version: isPublic ? 'v1a' : 'v1', key };
}

/** Undefined for what is no base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Web Crypto compares HMACs in constant time. */
async function matchesOne({ version, key }: Verifier, signature: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const comma = signature.indexOf(',');
  const claimed = signature.slice(0, comma) === version ? bytesOf(signature.slice(comma + 1)) : undefined;
  if (claimed === undefined) return false;
  const algorithm = version === 'v1' ? { name: 'HMAC', hash: 'SHA-256' } : { name: 'Ed25519' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['verify']);
  return crypto.subtle.verify(algorithm.name, imported, claimed, signed);
}
