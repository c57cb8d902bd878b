/**
 * What a vendor says in an error, made fit to be shown and kept: bounded in size, without control characters, and with
 * every credential of the account blotted out, since vendors do echo what they were sent.
 */
import type { Scope } from '../values/scope.ts';

export const redacted = '[redacted]';
const bounds = { text: 4_000, member: 1_000, message: 500, nodes: 500, depth: 8 } as const;
const shortestSecret = 6;

const secretName = /^(?:access|refresh|id|auth|bearer|session|csrf)_?token$|^(?:client|api|app|shared|signing)?_?secret$|^(?:x-)?api[_-]?key$|^(?:pass(?:word|wd|phrase)|authorization|proxy-authorization|(?:set-)?cookie|private[_-]?key|assertion|credentials?)$/i;

/**
 * The texts that must not leave: the account's secrets and tokens, the app's secrets, and what the request's own
 * authorization and cookie carry (Basic credentials are a secret in another coat). Longest first.
 */
export function secretsOf(scope: Scope, sent: Readonly<Record<string, string>> = {}): string[] {
  const found = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'string' && value.length >= shortestSecret) found.add(value).add(encodeURIComponent(value.toWellFormed()));
  };
  collect(scope.secret, add, 4);
  for (const [name, value] of membersOf(scope.token)) if (/token|assertion/.test(name) && name !== 'token_type') add(value);
  for (const [name, value] of membersOf(scope.app)) if (/secret|key|token|password/i.test(name)) add(value);
  for (const name of ['authorization', 'proxy-authorization']) add(sent[name]?.replace(/^[\w-]+ /, ''));
  for (const pair of (sent['cookie'] ?? '').split(/;\s*/)) add(pair.slice(pair.indexOf('=') + 1));
  return [...found].sort((a, b) => b.length - a.length);
}

function collect(value: unknown, add: (value: unknown) => void, depth: number): void {
  if (typeof value === 'string') add(value);
  else if (depth > 0) for (const [, member] of membersOf(value)) collect(member, add, depth - 1);
}

function membersOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** The text without any of the secrets. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, redacted);
  return clean;
}

/** One line of at most 500 characters for people to read; empty when nothing readable is left. */
export function cleanMessage(text: string, secrets: readonly string[]): string {
  // Secrets go before the cut: a cut secret would no longer be recognised.
  const line = redact(text.slice(0, 20_000), secrets)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length > bounds.message ? `${line.slice(0, bounds.message - 1).toWellFormed()}…` : line;
}

/** A copy of an error body for problems and evidence: at most about 500 values, cut texts, no credentials, no bytes. */
export function boundBody(body: unknown, secrets: readonly string[]): unknown {
  return bound(body, secrets, { left: bounds.nodes, text: bounds.text * 4 }, 0);
}

function bound(value: unknown, secrets: readonly string[], budget: { left: number; text: number }, depth: number): unknown {
  budget.left--;
  if (typeof value === 'string') return boundText(value, secrets, budget, depth === 0 ? bounds.text : bounds.member);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint' ? undefined : value;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (depth >= bounds.depth) return '[…]';
  if (Array.isArray(value)) {
    const members: unknown[] = [];
    for (const member of value as unknown[]) {
      if (budget.left <= 0) return [...members, '[…]'];
      members.push(bound(member, secrets, budget, depth + 1));
    }
    return members;
  }
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (budget.left <= 0) break;
    if (key === '__proto__') continue;
    const name = boundText(key, secrets, budget, 200);
    copy[name] = secretName.test(key) && typeof member !== 'object' ? redacted : bound(member, secrets, budget, depth + 1);
  }
  return copy;
}

function boundText(text: string, secrets: readonly string[], budget: { text: number }, most: number): string {
  const allowed = Math.max(0, Math.min(most, budget.text));
  const clean = redact(text.slice(0, 20_000), secrets);
  const cut = clean.length > allowed ? `${clean.slice(0, allowed).toWellFormed()}…` : clean;
  budget.text -= cut.length;
  return cut;
}
