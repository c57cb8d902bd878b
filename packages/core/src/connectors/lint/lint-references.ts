/** Placeholders that name something nobody fills: unknown roots, roots that are empty at that moment, undefined names. */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { scopeRoots } from '@evenkeel/contract/manifest/value.ts';
import { error, nearest, warning, type Fault } from './fault.ts';
import type { Reference } from './lint-text.ts';
import { isRecord } from './shape.ts';

/** Faults of the references of a manifest whose shape may still be wrong elsewhere. */
export function referenceFaults(manifest: unknown, references: readonly Reference[]): Fault[] {
  const names = definedNames(manifest);
  return references.flatMap((reference) => {
    const fault = rootFault(reference) ?? momentFault(reference) ?? nameFault(reference, names);
    return fault === undefined ? [] : [fault];
  });
}

function rootFault({ at, segments, written }: Reference): Fault | undefined {
  const [root] = segments;
  if (root === undefined) return error(at, 'A placeholder must name something: {{root.name}}.');
  if ((scopeRoots as readonly unknown[]).includes(root)) return undefined;
  return error(at, `{{${written}}} begins with "${String(root)}", which is none of ${scopeRoots.join(', ')}.`, nearest(String(root), scopeRoots));
}

/** Roots that are filled only while something happens, and the places where it happens. */
const moments: Readonly<Record<string, { readonly places: RegExp; readonly when: string }>> = {
  input: { places: /^(resources|pagination|http\.(headers|query))\b/, when: 'during a call' },
  page: { places: /^(resources|pagination)\b/, when: 'while a list is read' },
  callback: { places: /^(auth|account|post_install)\b/, when: 'while an account connects' },
  connect: { places: /^(auth|post_install)\b/, when: 'while an account connects' },
  claims: { places: /^(auth|account|webhooks\.verify)\b/, when: 'after a token response' },
  request: { places: /^webhooks\.(verify|handshake|ack|event|shapes|events)\b/, when: 'while a webhook is read' },
  item: { places: /^webhooks\.(verify|event|shapes|events)\b/, when: 'while an event of a webhook is read' },
  parent: { places: /^webhooks\.(event|shapes|events)\b/, when: 'while an event of a webhook is read' },
  signature: { places: /^webhooks\.verify\b/, when: 'while a webhook is proven' },
  computed: { places: /^webhooks\.handshake\b/, when: 'in the reply of a handshake' },
  webhook: { places: /^(webhooks\.(subscriptions|setup)|post_install)\b/, when: 'in a subscription' },
  poll: { places: /^webhooks\.poll\b/, when: 'in a poll' },
  response: { places: /(^|\.)(callback|capture)\./, when: 'in a capture' },
};

function momentFault({ at, segments, written }: Reference): Fault | undefined {
  const moment = typeof segments[0] === 'string' && Object.hasOwn(moments, segments[0]) ? moments[segments[0]] : undefined;
  if (moment === undefined || moment.places.test(at)) return undefined;
  return error(at, `{{${written}}} is filled only ${moment.when}, so it is always absent here.`);
}

type Names = Readonly<Record<string, ReadonlySet<string> | undefined>>;

function nameFault({ at, segments, written, certain }: Reference, names: Names): Fault | undefined {
  const [root, name] = segments;
  if (typeof root !== 'string' || typeof name !== 'string') return undefined;
  const known = Object.hasOwn(names, root) ? names[root] : undefined;
  if (known === undefined || known.has(name)) return undefined;
  const elsewhere = ['config', 'secret', 'captured'].find((other) => other !== root && names[other]?.has(name) === true);
  const suggestion = elsewhere === undefined ? nearest(name, known) : name;
  const full = suggestion === undefined ? undefined : `${elsewhere ?? root}.${suggestion}`;
  const message = `${certain ? `{{${written}}}` : written} names "${name}", which ${origins[root] ?? 'does not exist'}.`;
  return certain ? error(at, message, full) : warning(at, message, full);
}

const origins: Readonly<Record<string, string>> = {
  config: 'is no connect field without "secret" and is not captured',
  secret: 'is no secret connect field and no secret capture',
  captured: 'nothing captures',
  app: 'is neither client_id, client_secret nor one of app_fields',
  token: 'a token does not have',
  input: 'a call does not have',
  page: 'paging does not have',
  response: 'an answer does not have',
  now: 'a moment does not have',
  connect: 'a connection does not have',
  request: 'a webhook does not have',
  webhook: 'a subscription does not have',
  poll: 'a poll does not have',
  key: 'a key does not have',
};

const fixedNames: Names = {
  token: new Set(['access_token', 'refresh_token', 'token_type', 'scope', 'expires_at', 'id_token', 'assertion']),
  input: new Set(['id', 'body', 'query', 'params']),
  page: new Set(['limit', 'cursor', 'number', 'offset', 'from', 'to', 'state']),
  response: new Set(['status', 'headers', 'body']),
  now: new Set(['epoch_s', 'epoch_ms', 'iso']),
  connect: new Set(['redirect_uri', 'session_id']),
  request: new Set(['method', 'url', 'path', 'query', 'headers', 'body']),
  webhook: new Set(['url']),
  poll: new Set(['cursor']),
  key: new Set(['fingerprint']),
};

/** Every name the manifest defines, root by root; `undefined` where names are made by an expression. */
function definedNames(manifest: unknown): Names {
  const { auth, app_fields: appFields, webhooks } = (isRecord(manifest) ? manifest : {}) as Partial<Manifest>;
  const config = new Set<string>();
  const secret = new Set<string>();
  for (const scheme of asList(auth)) {
    for (const field of asList(isRecord(scheme) ? scheme['fields'] : undefined)) {
      if (isRecord(field) && typeof field['name'] === 'string') (field['secret'] === true ? secret : config).add(field['name']);
    }
  }
  for (const made of asList(isRecord(webhooks) ? webhooks['subscriptions'] : undefined)) {
    if (isRecord(made) && isRecord(made['secret']) && typeof made['secret']['name'] === 'string') secret.add(made['secret']['name']);
  }
  const app = new Set(['client_id', 'client_secret']);
  for (const field of asList(appFields)) if (isRecord(field) && typeof field['name'] === 'string') app.add(field['name']);
  const captured = capturedNames(manifest, 'captured');
  const secretCaptures = capturedNames(manifest, 'secret');
  return { ...fixedNames, config, app, captured, secret: secretCaptures === undefined ? undefined : new Set([...secret, ...secretCaptures]) };
}

/** Keys under every capture; captures stand at `capture` and `callback`. */
function capturedNames(value: unknown, part: 'captured' | 'secret'): Set<string> | undefined {
  const names = new Set<string>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (Array.isArray(node)) waiting.push(...(node as unknown[]));
    if (!isRecord(node)) continue;
    for (const [key, member] of Object.entries(node)) {
      if ((key === 'capture' || key === 'callback') && isRecord(member)) {
        const found = member[part];
        if (isRecord(found) && Object.keys(found).length === 1 && '$expr' in found) return undefined;
        if (typeof found === 'string') return undefined;
        for (const name of Object.keys(isRecord(found) ? found : {})) names.add(name);
      }
      if (typeof member === 'object' && member !== null && key !== 'body' && key !== 'query') waiting.push(member);
    }
  }
  return names;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
