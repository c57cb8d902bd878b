/**
 * One stored request → the events in it, each with its own identity, type, time, account and order. Pure and
 * repeatable: the same bytes give the same events with the same ids, whenever and wherever they are read.
 */
import type { EventRules, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { compilePath } from '../connectors/values/path.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { parseTemplate } from '../connectors/values/template.ts';
import { concat, toBytes } from '../connectors/values/bytes.ts';
import { compileRequestCondition, requestRoot, type InboundRequest, type RequestRoot } from './inbound-request.ts';
import { instantOf } from './instant.ts';
import { compileText } from './message.ts';
import type { VerificationPort } from './verification-port.ts';

/** A value by which an event of an app finds its account, and the account's field it has to equal as text. */
export interface AccountRef {
  /** `external_id`, `captured.<name>` or `config.<name>`. */
  readonly field: string;
  readonly value: string;
}

export interface InboundEvent {
  /** Place among the events of its request, from 0. */
  readonly index: number;
  /** At most 255 characters; of the vendor, or "hash:" and a SHA-256 in hex. */
  readonly id: string;
  readonly idFrom: 'vendor' | 'hash';
  /** Whether the signature covers what the id is made of. */
  readonly idSigned: boolean;
  readonly type: string | null;
  /** By the vendor's clock. */
  readonly timeMs: number | null;
  /** In order of preference; empty when the token of the address already names the account. */
  readonly accounts: readonly AccountRef[];
  readonly orderKey: string | null;
  /** The event's own part of the body: what meaning is read from. */
  readonly payload: unknown;
  /** What templates and paths of `events` read: request, item, parent. */
  readonly scope: Scope;
}
/** `ok: false`: the bytes are not what the connector says they are; trying again will not help. */
export type Splitting = { readonly ok: true; readonly events: readonly InboundEvent[] } | { readonly ok: false; readonly message: string };

export type CompiledSplit = (request: InboundRequest, env: { readonly crypto: Hashing }) => Splitting;

/** Of a connector without rules for events: the request itself, told apart by its bytes. */
const plain: EventRules = { type: ["{{'webhook'}}"] };

type Hashing = Pick<VerificationPort, 'hash'>;

/** Throws a TypeError for what the linter refuses. */
export function compileSplit(rules: Pick<Webhooks, 'body' | 'form_json' | 'event' | 'shapes'>): CompiledSplit {
  const shapes = (rules.shapes ?? []).map(({ when, event }) => ({ applies: compileRequestCondition(when), cut: compileCutting(event) }));
  const otherwise = rules.event === undefined && shapes.length > 0 ? undefined : compileCutting(rules.event ?? plain);
  return (request, { crypto }) => {
    const root = requestRoot(rules, request);
    if (rules.body !== 'raw' && root.body === undefined && request.body.length > 0) return { ok: false, message: `The body is not readable as ${rules.body ?? 'json'}.` };
    const cut = shapes.find(({ applies }) => applies(root))?.cut ?? otherwise;
    return cut === undefined ? { ok: false, message: 'The request has none of the forms that the connector knows.' } : cut(root, request, crypto);
  };
}

type Cutting = (root: RequestRoot, request: InboundRequest, crypto: Hashing) => Splitting;

function compileCutting(source: EventRules): Cutting {
  const identify = compileIdentity(source, source.split !== undefined);
  const paths = (source.split ?? []).map((path) => ({ path, read: compilePath(path) }));
  return (root, request, crypto) => {
    const found = membersOf(root, paths);
    if (typeof found === 'string') return { ok: false, message: found };
    return { ok: true, events: found.map((scope, index) => identify(scope, index, request, crypto)) };
  };
}

const maxEvents = 10_000;

function membersOf(root: RequestRoot, paths: readonly { readonly path: string; readonly read: (value: unknown) => unknown }[]): Scope[] | string {
  let scopes: Scope[] = [{ request: root, item: root.body }];
  for (const [level, { path, read }] of paths.entries()) {
    const next: Scope[] = [];
    for (const scope of scopes) {
      const list = read(scope.item);
      if (list === undefined || list === null || list === '') return `The body has no list at ${JSON.stringify(path)}.`;
      // An XML element that occurs once is not a list.
      for (const item of Array.isArray(list) ? (list as unknown[]) : [list]) next.push({ request: root, item, ...(level === 0 ? {} : { parent: scope.item }) });
    }
    if (next.length > maxEvents) return `The body holds more than ${maxEvents} events.`;
    scopes = next;
  }
  return scopes;
}

type Identify = (scope: Scope, index: number, request: InboundRequest, crypto: Hashing) => InboundEvent;

function compileIdentity(source: EventRules, split: boolean): Identify {
  const ids = (source.id ?? []).map((template) => ({ read: compileText(template), own: !split || readsMember(template) }));
  const hashed = source.hash?.map(compileText);
  const type = firstOf(source.type);
  const time = source.time === undefined ? undefined : { read: compileText(source.time.value), unit: source.time.unit };
  const accounts = (source.account ?? []).map(({ value, field }) => ({ read: compileText(value), field }));
  const order = source.order_key === undefined ? undefined : firstOf(source.order_key);
  return (scope, index, request, crypto) => {
    const vendors = vendorId(ids, scope, index);
    const id = vendors === undefined ? hashOf(hashed?.map((read) => read(scope) ?? '') ?? contentOf(scope, split), request, crypto) : boundedId(vendors, crypto);
    return {
      index,
      id,
      idFrom: vendors === undefined ? 'hash' : 'vendor',
      idSigned: vendors === undefined || (source.id_signed ?? true),
      type: type(scope)?.slice(0, 255) ?? null,
      timeMs: (time === undefined ? undefined : instantOf(time.read(scope), time.unit)) ?? null,
      accounts: accounts.flatMap(({ read, field }) => {
        const value = read(scope);
        return value === undefined || value === '' ? [] : [{ field, value }];
      }),
      orderKey: order?.(scope)?.slice(0, 255) ?? null,
      payload: scope.item,
      scope,
    };
  };
}

function firstOf(templates: readonly string[]): (scope: Scope) => string | undefined {
  const readers = templates.map(compileText);
  return (scope) => {
    for (const read of readers) {
      const value = read(scope);
      if (value !== undefined && value !== '') return value;
    }
    return undefined;
  };
}

/** Whether a template reads the event itself, so that it differs between the events of one request. */
function readsMember(template: string): boolean {
  const parsed = parseTemplate(template);
  return parsed.ok && parsed.parts.some((part) => typeof part !== 'string' && 'path' in part.source && part.source.path[0] === 'item');
}

/** An id of the whole request is made the event's own by its place. */
function vendorId(ids: readonly { readonly read: (scope: Scope) => string | undefined; readonly own: boolean }[], scope: Scope, index: number): string | undefined {
  for (const { read, own } of ids) {
    const value = read(scope);
    if (value !== undefined && value !== '') return own ? value : `${value}#${index}`;
  }
  return undefined;
}

const boundedId = (id: string, crypto: Hashing): string => (id.length <= 255 && !id.startsWith('hash:') ? id : `hash:${crypto.hash('sha256', toBytes(id)).toHex()}`);

const contentOf = (scope: Scope, split: boolean): string[] | undefined => (split ? [JSON.stringify(scope.item) ?? ''] : undefined);

/** Parts are told apart by their lengths: ("ab", "c") and ("a", "bc") differ. Without parts it is the body. */
function hashOf(parts: readonly string[] | undefined, request: InboundRequest, crypto: Hashing): string {
  const bytes = parts === undefined ? request.body : concat(parts.flatMap((part) => [toBytes(`${part.length}:`), toBytes(part)]));
  return `hash:${crypto.hash('sha256', bytes).toHex()}`;
}
