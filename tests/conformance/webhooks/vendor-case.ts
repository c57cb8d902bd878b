/** What a test knows of one vendor's way to sign: its rules, its secrets, a message, and how the vendor signs it. */
import { createHash, createHmac } from 'node:crypto';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { FetchedKey } from '@evenkeel/core/inbound/public-key.ts';

export interface Unsigned {
  readonly body: Buffer;
  readonly url: string;
  readonly nowMs: number;
}
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** Where signing changes the address or the body. */
  readonly url?: string;
  readonly body?: Buffer;
}

/** `last`: of several in the body. */
export type ChangeProof = (proof: string, last: boolean) => string | undefined;

export interface VendorCase {
  /** Of the connector, or of the file beside this one. */
  readonly vendor: string;
  /** The rule that has to accept. */
  readonly rule: string;
  readonly scope: Scope;
  /** The same names with other secrets. */
  readonly otherScope: Scope;
  readonly contentType: string;
  readonly body: Buffer;
  readonly keys?: Readonly<Record<string, FetchedKey>>;
  /** Stated where the keys alone prove, whatever the account holds: other keys under the same names. */
  readonly otherKeys?: Readonly<Record<string, FetchedKey>>;
  /** As the vendor signs: by its own package where it has one, else as its documentation says. */
  sign(message: Unsigned): SignedRequest | Promise<SignedRequest>;
  /** The vendor's own package on the same bytes; absent where it only signs, or there is none. */
  verifies?(message: Unsigned, signed: SignedRequest): boolean | Promise<boolean>;
  /** The header that carries the proof; null where it stands in the body. */
  readonly header: string | null;
  /** Stated where the header is null: the body with what `change` makes of each proof in it; undefined takes it out. */
  changeProof?(body: Buffer, change: ChangeProof): Buffer;
  /** Whether a changed body is noticed. */
  readonly signsBody: boolean;
  /** Whether the signed bytes may be anything, or only text (a token, a form, JSON that is looked into). */
  readonly anyBytes: boolean;
  /** Seconds; absent where nothing about time is signed. */
  readonly pastS?: number;
  readonly futureS?: number;
  /** A header value that holds a wrong signature before the right one, where the vendor sends lists. */
  second?(signature: string): string;
  /** Ids and types of the events in the body. */
  readonly events: readonly { readonly id?: string; readonly type: string | null }[];
}

/** White space and letters beyond ASCII: what a parser in the way would change. */
export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value, null, 1).replaceAll('":', '" :'), 'utf8');

/** For a proof under this key of a JSON body, or in a list under it. */
export const proofUnder = (key: string): NonNullable<VendorCase['changeProof']> => (body, change) => {
  const walk = (given: string, each: (proof: string) => string | undefined): string =>
    JSON.stringify(JSON.parse(given, (name, value: unknown) => {
      if (name !== key) return value;
      if (typeof value === 'string') return each(value);
      return Array.isArray(value) ? value.flatMap((proof: string) => each(proof) ?? []) : value;
    }));
  let [count, seen] = [0, 0];
  walk(body.toString(), (proof) => (count += 1, proof));
  return Buffer.from(walk(body.toString(), (proof) => change(proof, (seen += 1) === count)));
};

export const hmac = (algorithm: string, key: string | Buffer, ...parts: (string | Buffer)[]): Buffer => parts.reduce((mac, part) => mac.update(part), createHmac(algorithm, key)).digest();
export const digest = (...parts: (string | Buffer)[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
export const seconds = (ms: number): string => String(Math.floor(ms / 1000));

export interface HmacCase {
  readonly vendor: string;
  readonly rule: string;
  /** Where the secret stands, e.g. "secret.webhook_secret". */
  readonly at: string;
  readonly secret: string;
  readonly body: unknown;
  readonly header: string;
  readonly events: VendorCase['events'];
  readonly more?: Partial<VendorCase>;
  readonly scope?: Scope;
  sign(message: Unsigned, secret: string): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
}

/** A vendor with one shared secret over a JSON body. */
export function sharedSecret(given: HmacCase): VendorCase {
  const place = (secret: string): Scope => {
    const [root = '', name = ''] = given.at.split('.');
    const { [root as keyof Scope]: beside } = given.scope ?? {};
    return { config: {}, captured: {}, secret: {}, app: {}, ...given.scope, [root]: { ...(beside as object | undefined), [name]: secret } };
  };
  return {
    vendor: given.vendor,
    rule: given.rule,
    scope: place(given.secret),
    otherScope: place(`${given.secret.slice(0, -4)}AAAA`),
    contentType: 'application/json',
    body: json(given.body),
    header: given.header,
    signsBody: true,
    anyBytes: true,
    events: given.events,
    sign: async (message) => ({ headers: await given.sign(message, given.secret) }),
    ...given.more,
  };
}
