/**
 * The rules that prove a webhook, compiled. Each closes: whatever is missing, empty, unreadable or different refuses.
 * The signature is checked before the time and the bindings, so that a reason never tells about unproven bytes.
 */
import type { Equality, SignedTime, VerifyRule } from '@evenkeel/contract/manifest/webhooks.ts';
import { compilePath } from '../connectors/values/path.ts';
import { toBytes, fromBase64 } from '../connectors/values/bytes.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { compileRequestCondition, type InboundRequest, type RequestRoot } from './inbound-request.ts';
import { instantOf } from './instant.ts';
import { compileKey, compileMessage, compilePart, compileText, type BytesReader, type Proving } from './message.ts';
import { compilePublicKey, type FetchedKeys, type KeyNeed } from './public-key.ts';
import type { RefusalReason } from './refusal.ts';
import { compileSignature } from './signature.ts';
import { claimsHold, readToken } from './token.ts';
import type { PublicKeyMaterial, VerificationPort } from './verification-port.ts';

export interface VerifyEnv {
  readonly crypto: VerificationPort;
  readonly keys: FetchedKeys;
}
export type Proof =
  | { readonly kind: 'proven'; /** The time that is signed, where the rule knows one. */ readonly signedAtMs: number | null }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  | { readonly kind: 'needs_key'; readonly need: KeyNeed };

export interface CompiledRule {
  readonly id: string;
  readonly scheme: VerifyRule['scheme'];
  applies(root: RequestRoot): boolean;
  /** `scope` has the root `request`. Never throws. */
  prove(request: InboundRequest, scope: Scope, env: VerifyEnv): Proof;
}

/** What a scheme leaves for the checks after it: the scope with what the signature told. */
type Checked = { readonly kind: 'checked'; readonly scope: Scope } | Exclude<Proof, { kind: 'proven' }>;
type Check = (proving: Proving, keys: FetchedKeys) => Checked;

const refused = (reason: RefusalReason): Extract<Proof, { kind: 'refused' }> => ({ kind: 'refused', reason });

/** Throws a TypeError for what the linter refuses. */
export function compileRule(rule: VerifyRule): CompiledRule {
  const check = compileCheck(rule);
  const time = rule.timestamp === undefined ? undefined : compileTime(rule.timestamp);
  const bindings = (rule.bind ?? []).map(compileEquality);
  const proveOne = (request: InboundRequest, scope: Scope, env: VerifyEnv): Proof => {
    const checked = check({ request, scope, crypto: env.crypto }, env.keys);
    if (checked.kind !== 'checked') return checked;
    const proving: Proving = { request, scope: checked.scope, crypto: env.crypto };
    const sent = time?.(checked.scope, request.receivedAtMs) ?? { ok: true, atMs: null };
    if (!sent.ok) return refused(sent.reason);
    if (!bindings.every((holds) => holds(proving))) return refused('wrong_value');
    return { kind: 'proven', signedAtMs: sent.atMs };
  };
  const optIn = rule.opt_in === undefined ? undefined : compilePath(rule.opt_in);
  const each = rule.each === undefined ? undefined : compilePath(rule.each);
  return {
    id: rule.id,
    scheme: rule.scheme,
    applies: compileRequestCondition(rule.when),
    prove(request, scope, env) {
      if (optIn !== undefined && optIn(scope) !== 'on') return refused('weak_signature');
      return each === undefined ? proveOne(request, scope, env) : proveEach(each((scope.request as RequestRoot).body), (item) => proveOne(request, { ...scope, item }, env));
    },
  };
}

function proveEach(list: unknown, prove: (item: unknown) => Proof): Proof {
  if (!Array.isArray(list) || list.length === 0) return refused('missing_part');
  let last: Proof = refused('missing_part');
  for (const item of list as unknown[]) {
    last = prove(item);
    if (last.kind !== 'proven') return last;
  }
  return last;
}

function compileTime(source: SignedTime): (scope: Scope, nowMs: number) => { readonly ok: true; readonly atMs: number } | { readonly ok: false; readonly reason: RefusalReason } {
  const read = compileText(source.value);
  const { unit, past_s: pastS, future_s: futureS = source.past_s } = source;
  return (scope, nowMs) => {
    const atMs = instantOf(read(scope), unit);
    if (atMs === undefined) return { ok: false, reason: 'missing_time' };
    if (nowMs - atMs > pastS * 1000) return { ok: false, reason: 'too_old' };
    return atMs - nowMs > futureS * 1000 ? { ok: false, reason: 'in_future' } : { ok: true, atMs };
  };
}

function compileEquality({ left, right }: Equality): (proving: Proving) => boolean {
  const [one, other] = [compilePart(left), compilePart(right)];
  return (proving) => {
    const [a, b] = [one(proving), other(proving)];
    return a !== undefined && b !== undefined && a.length > 0 && proving.crypto.equal(a, b);
  };
}

function compileCheck(rule: VerifyRule): Check {
  switch (rule.scheme) {
    case 'hmac': {
      const key = compileKey(rule.key);
      return signedCheck(rule, ({ scope, crypto }) => {
        const secret = key(scope);
        return secret === undefined ? undefined : (message) => crypto.hmac(rule.alg, secret, message);
      });
    }
    case 'digest':
      return signedCheck(rule, ({ crypto }) => (message) => crypto.hash(rule.alg, message));
    case 'equals':
      return equalsCheck(compileText(rule.value), compileKey(rule.key));
    case 'basic':
      return basicCheck(compileText(rule.username), compileText(rule.password));
    case 'public_key':
      return publicKeyCheck(rule);
    case 'jwt':
      return tokenCheck(rule);
    case 'none':
      return ({ scope }) => ({ kind: 'checked', scope });
  }
}

type Signed = Extract<VerifyRule, { scheme: 'hmac' | 'digest' | 'public_key' }>;

/** The signature is made again and compared. `maker` is undefined without a secret. */
function signedCheck(rule: Signed, maker: (proving: Proving) => ((message: Uint8Array) => Uint8Array) | undefined): Check {
  return compileSignedCheck(rule, (proving) => {
    const make = maker(proving);
    if (make === undefined) return refused('missing_secret');
    return (message, candidates) => {
      const expected = make(message);
      // Every candidate is compared, so that the time taken does not tell which one was nearest.
      return candidates.map((candidate) => proving.crypto.equal(candidate, expected)).includes(true);
    };
  });
}

type Judge = (message: Uint8Array, candidates: readonly Uint8Array[]) => boolean;

function compileSignedCheck(rule: Signed, judge: (proving: Proving, keys: FetchedKeys) => Judge | Exclude<Proof, { kind: 'proven' }>): Check {
  const find = compileSignature(rule.signature);
  const message: BytesReader = compileMessage(rule.message);
  return (proving, keys) => {
    const found = find(proving.request, proving.scope);
    if (!found.ok) return refused(found.reason);
    const scope: Scope = { ...proving.scope, signature: found.fields };
    const within: Proving = { ...proving, scope };
    const judged = judge(within, keys);
    if (typeof judged !== 'function') return judged;
    const bytes = message(within);
    if (bytes === undefined) return refused('missing_part');
    return judged(bytes, found.candidates) ? { kind: 'checked', scope } : refused('wrong_signature');
  };
}

function publicKeyCheck(rule: Extract<VerifyRule, { scheme: 'public_key' }>): Check {
  const key = compilePublicKey(rule.key);
  return compileSignedCheck(rule, (proving, keys) => {
    const found = key(proving.scope, keys);
    if (found.kind !== 'key') return found;
    return (message, candidates) => candidates.some((candidate) => proving.crypto.verify(rule.alg, found.key, message, candidate, proving.request.receivedAtMs));
  });
}

function equalsCheck(value: (scope: Scope) => string | undefined, key: (scope: Scope) => Uint8Array | undefined): Check {
  return ({ scope, crypto }) => {
    const secret = key(scope);
    if (secret === undefined) return refused('missing_secret');
    const sent = value(scope);
    if (sent === undefined || sent === '') return refused('missing_signature');
    return crypto.equal(toBytes(sent), secret) ? { kind: 'checked', scope } : refused('wrong_signature');
  };
}

/** A user name without a password is enough for vendors that use a key as the user name; neither is not. */
function basicCheck(username: (scope: Scope) => string | undefined, password: (scope: Scope) => string | undefined): Check {
  return ({ scope, request, crypto }) => {
    const [user, pass] = [username(scope), password(scope)];
    if (user === undefined || pass === undefined || user + pass === '') return refused('missing_secret');
    const values = request.headers['authorization'] ?? [];
    const [value] = values;
    if (value === undefined || value.trim() === '') return refused('missing_signature');
    if (values.length > 1) return refused('duplicate_header');
    const sent = fromBase64(/^basic +([A-Za-z0-9+/=_-]+)$/i.exec(value.trim())?.[1] ?? '');
    if (sent === undefined || sent.length === 0) return refused('malformed_signature');
    return crypto.equal(sent, toBytes(`${user}:${pass}`)) ? { kind: 'checked', scope } : refused('wrong_signature');
  };
}

function tokenCheck(rule: Extract<VerifyRule, { scheme: 'jwt' }>): Check {
  const text = compileText(rule.token);
  const publicKey = rule.key === undefined ? undefined : compilePublicKey(rule.key);
  const secret = rule.secret === undefined ? undefined : compileKey(rule.secret);
  const [issuers, audiences] = [rule.issuer?.map(compileText), rule.audience?.map(compileText)];
  const present = (scope: Scope, readers: typeof issuers): string[] | undefined => readers?.flatMap((read) => read(scope) ?? []).filter((one) => one !== '');
  return (proving, keys) => {
    const { scope, request, crypto } = proving;
    const written = text(scope)?.replace(/^bearer +/i, '').trim() ?? '';
    if (written === '') return refused('missing_signature');
    const token = readToken(written);
    if (token === undefined) return refused('malformed_signature');
    const alg = rule.algs.find((one) => one === token.header['alg']);
    if (alg === undefined) return refused('wrong_token');
    const told: Scope = { ...scope, signature: token.header, claims: token.claims };
    let good: boolean;
    if (alg === 'HS256') {
      const key = secret?.(scope);
      if (key === undefined) return refused('missing_secret');
      good = crypto.equal(token.signature, crypto.hmac('sha256', key, token.signed));
    } else {
      const found = publicKey?.(told, keys) ?? refused('missing_secret');
      if (found.kind !== 'key') return found;
      good = ofAlgorithm(found.key, alg) && crypto.verify(alg, found.key, token.signed, token.signature, request.receivedAtMs);
    }
    if (!good) return refused('wrong_signature');
    const holds = claimsHold(token.claims, { issuers: present(scope, issuers), audiences: present(scope, audiences), maxAgeS: rule.max_age_s }, request.receivedAtMs);
    return holds === 'ok' ? { kind: 'checked', scope: told } : refused(holds);
  };
}

/** A key that names its algorithm is for that one only (RFC 7517 section 4.4). */
function ofAlgorithm(key: PublicKeyMaterial, alg: string): boolean {
  return key.format !== 'jwk' || key.jwk['alg'] === undefined || key.jwk['alg'] === alg;
}
