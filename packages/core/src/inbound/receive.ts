/**
 * What to do with a webhook request, decided from its bytes alone: refuse it, answer a handshake, or accept it to be
 * stored. Synchronous and without expressions. A handshake never becomes an event.
 */
import type { Handshake, Reply, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { compilePath } from '../connectors/values/path.ts';
import { momentOf, type Scope } from '../connectors/values/scope.ts';
import { compileMap, compileTemplate, compileValue, type CompiledValue } from '../connectors/values/value.ts';
import { compileRequestCondition, requestRoot, type InboundRequest, type RequestRoot } from './inbound-request.ts';
import { compileKey, compileMessage, encodeBytes, type Proving } from './message.ts';
import type { FetchedKeys, KeyNeed } from './public-key.ts';
import type { RefusalReason } from './refusal.ts';
import { compileRule, type CompiledRule, type Proof } from './verify.ts';
import type { VerificationPort } from './verification-port.ts';

export interface InboundReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
/** What a handshake leaves with the account (or app): visible values and secrets, by name. */
export interface Captures {
  readonly captured: Readonly<Record<string, unknown>>;
  readonly secret: Readonly<Record<string, unknown>>;
}
export interface Verification {
  readonly rule: string;
  readonly scheme: string;
  readonly signedAtMs: number | null;
}
export type Received =
  | { readonly kind: 'refused'; readonly status: number; readonly reason: RefusalReason }
  | { readonly kind: 'reply'; readonly handshake: string; readonly reply: InboundReply; readonly captures: Captures | null }
  /** Fetch this key and ask again with it among `keys`. */
  | { readonly kind: 'needs_key'; readonly need: KeyNeed }
  | { readonly kind: 'accepted'; readonly ack: InboundReply; readonly verification: Verification };

export interface ReceiveEnv {
  readonly crypto: VerificationPort;
  readonly keys: FetchedKeys;
}

export interface CompiledReceive {
  /**
   * `scopes` are the account's (or, for scope "app", the app's) config, captured, secret and app: the present ones
   * first, then former ones that still count while a secret is rotated. Never throws.
   */
  (request: InboundRequest, scopes: readonly Scope[], env: ReceiveEnv): Received;
}

/** Throws a TypeError for what the linter refuses. */
export function compileReceive(rules: Webhooks): CompiledReceive {
  const verifying = (rules.verify?.any_of ?? []).map(compileRule);
  const handshakes = (rules.handshake ?? []).map(compileHandshake);
  const [unproven, proven] = [handshakes.filter(({ verified }) => !verified), handshakes.filter(({ verified }) => verified)];
  const { bad_signature_status: badStatus = 401, ...ack } = rules.ack ?? {};
  const acknowledge = compileReply(ack);
  return (request, scopes, env) => {
    const root = requestRoot(rules, request);
    const within = (scopes.length === 0 ? [{}] : scopes).map((scope) => ({ ...scope, now: momentOf(request.receivedAtMs), request: root }));
    const present = within[0] ?? {};
    for (const handshake of unproven) if (handshake.applies(root, present)) return handshake.answer({ request, scope: present, crypto: env.crypto });
    if (verifying.length === 0) return refused('not_accepted', 404);
    const proof = proveAny(verifying, root, request, within, env);
    if (proof.kind === 'needs_key') return proof;
    if (proof.kind === 'refused') return refused(proof.reason, proof.reason === 'key_unavailable' ? 503 : badStatus);
    for (const handshake of proven) if (handshake.applies(root, proof.scope)) return handshake.answer({ request, scope: proof.scope, crypto: env.crypto });
    if (request.method !== 'POST' && request.method !== 'PUT') return refused('not_accepted', 405);
    return { kind: 'accepted', ack: acknowledge(proof.scope), verification: proof.verification };
  };
}

const refused = (reason: RefusalReason, status: number): Received => ({ kind: 'refused', status, reason });

type AnyProof = Exclude<Proof, { kind: 'proven' }> | { readonly kind: 'proven'; readonly scope: Scope; readonly verification: Verification };

/** The first rule that accepts, over the present secrets and then the former ones; else why the first that applied did not. */
function proveAny(rules: readonly CompiledRule[], root: RequestRoot, request: InboundRequest, scopes: readonly Scope[], env: ReceiveEnv): AnyProof {
  const applying = rules.filter((rule) => rule.applies(root));
  let first: Exclude<Proof, { kind: 'proven' }> | undefined;
  for (const scope of scopes) {
    for (const rule of applying) {
      const proof = rule.prove(request, scope, env);
      if (proof.kind === 'proven') return { kind: 'proven', scope, verification: { rule: rule.id, scheme: rule.scheme, signedAtMs: proof.signedAtMs } };
      if (first === undefined || (first.kind === 'refused' && proof.kind === 'needs_key')) first = proof;
    }
  }
  return first ?? { kind: 'refused', reason: 'missing_signature' };
}

interface CompiledHandshake {
  readonly verified: boolean;
  applies(root: RequestRoot, scope: Scope): boolean;
  answer(proving: Proving): Received;
}

function compileHandshake(handshake: Handshake): CompiledHandshake {
  const { id, verified = true, unless_set: guarded, compute = {}, capture } = handshake;
  const when = compileRequestCondition(handshake.when);
  const guard = guarded === undefined ? undefined : compilePath(guarded);
  const reply = compileReply(handshake.reply);
  const macs = Object.entries(compute).map(([name, { alg, key, message, encoding, prefix = '' }]) => [name, alg, compileKey(key), compileMessage(message), encoding, prefix] as const);
  const [captured, secret] = [compileMap(capture?.captured), compileMap(capture?.secret)];
  return {
    verified,
    applies: (root, scope) => when(root) && (guard === undefined || isUnset(guard(scope))),
    answer(proving) {
      const computed: Record<string, string> = {};
      for (const [name, alg, key, message, encoding, prefix] of macs) {
        const [secretBytes, bytes] = [key(proving.scope), message(proving)];
        if (secretBytes === undefined) return refused('missing_secret', 401);
        if (bytes === undefined) return refused('missing_part', 401);
        computed[name] = prefix + encodeBytes(proving.crypto.hmac(alg, secretBytes, bytes), encoding);
      }
      const scope: Scope = { ...proving.scope, computed };
      const captures = capture === undefined ? null : { captured: evaluated(captured, scope), secret: evaluated(secret, scope) };
      return { kind: 'reply', handshake: id, reply: reply(scope), captures };
    },
  };
}

const isUnset = (value: unknown): boolean => value === undefined || value === null || value === '';

/** Absent values drop their name. A promise cannot be here: the linter refuses expressions in these places. */
function evaluated(members: readonly (readonly [string, CompiledValue])[], scope: Scope): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, read] of members) {
    const value = read(scope);
    if (!isUnset(value)) values[name] = value;
  }
  return values;
}

/** What a vendor's word is echoed in must never be taken for markup by a browser. */
const safety = { 'x-content-type-options': 'nosniff' };

function compileReply(source: Reply): (scope: Scope) => InboundReply {
  const { status = 200, content_type: type, json, text } = source;
  const headers = compileMap(source.headers).map(([name, read]) => [name.toLowerCase(), read] as const);
  const asJson = json === undefined ? undefined : compileValue(json);
  const asText = text === undefined ? undefined : compileTemplate(text);
  const fixedType = type ?? (json !== undefined ? 'application/json' : text !== undefined ? 'text/plain; charset=utf-8' : undefined);
  return (scope) => {
    const written = Object.fromEntries(Object.entries(evaluated(headers, scope)).flatMap(([name, value]) => (typeof value === 'string' && !/[\r\n\0]/.test(value) ? [[name, value]] : [])));
    const value = asText?.(scope);
    const body = asJson !== undefined ? JSON.stringify(asJson(scope) ?? null) : typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    return { status, headers: { ...written, ...(fixedType === undefined ? {} : { 'content-type': fixedType }), ...safety }, body };
  };
}
