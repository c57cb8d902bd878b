/** What the `webhooks` section of a manifest must mean: rules that prove something, events of models there are, subscriptions that can be kept. */
import type { Backfill, EventRules, Handshake, Part, Poll, Subscription, UnifiedEventRule, VerifyRule, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import { error, nearest, pathTo, warning, type Fault } from './fault.ts';
import { isRecord } from './shape.ts';

type Json = Record<string, unknown>;

/** Of a manifest whose shape has no faults. */
export function webhookFaults(manifest: unknown): Fault[] {
  if (!isRecord(manifest) || !isRecord(manifest['webhooks'])) return [];
  const webhooks = manifest['webhooks'] as Webhooks;
  const mappings = isRecord(manifest['mappings']) ? manifest['mappings'] : {};
  const rules = webhooks.verify?.any_of ?? [];
  return [
    ...repeated(rules.map(({ id }) => id), 'webhooks.verify.any_of', 'id'),
    ...rules.flatMap((rule, index) => ruleFaults(rule, pathTo('webhooks.verify.any_of', index))),
    ...scopeFaults(webhooks),
    ...repeated((webhooks.handshake ?? []).map(({ id }) => id), 'webhooks.handshake', 'id'),
    ...(webhooks.handshake ?? []).flatMap((handshake, index) => handshakeFaults(handshake, pathTo('webhooks.handshake', index))),
    ...weakerFaults(rules),
    ...shapesOf(webhooks).flatMap(({ event, at }) => eventFaults(webhooks, event, at)),
    ...(webhooks.shapes ?? []).flatMap(({ when }, index) => (Object.keys(when).length === 0 ? [error(`${pathTo('webhooks.shapes', index)}.when`, 'A form without a condition takes every request; what it says belongs in "event".')] : [])),
    ...(webhooks.events ?? []).flatMap((rule, index) => meaningFaults(rule, mappings, pathTo('webhooks.events', index))),
    ...repeated((webhooks.subscriptions ?? []).map(({ id }) => id), 'webhooks.subscriptions', 'id'),
    ...(webhooks.subscriptions ?? []).flatMap((subscription, index) => subscriptionFaults(subscription, pathTo('webhooks.subscriptions', index))),
    ...[...(webhooks.poll ?? []).entries()].flatMap(([index, poll]) => pollFaults(poll, webhooks, manifest, mappings, pathTo('webhooks.poll', index))),
    ...[...(webhooks.backfill ?? []).entries()].flatMap(([index, backfill]) => backfillFaults(backfill, mappings, pathTo('webhooks.backfill', index))),
    ...expressionFaults(webhooks),
  ];
}

function repeated(ids: readonly string[], at: string, key: string): Fault[] {
  return ids.flatMap((id, index) => (ids.indexOf(id) < index ? [error(`${pathTo(at, index)}.${key}`, `"${id}" is used twice in ${at}.`)] : []));
}

const mentions = (value: unknown, name: string): boolean => JSON.stringify(value ?? null).includes(`{{${name}`);

function ruleFaults(rule: VerifyRule, at: string): Fault[] {
  const faults: Fault[] = [];
  if ('signature' in rule) {
    const places = [rule.signature.header, rule.signature.query, rule.signature.value].filter((place) => place !== undefined);
    if (places.length !== 1) faults.push(error(`${at}.signature`, 'A signature stands in one place: a header, a query parameter, or a value of the body.'));
    if (rule.signature.pair !== undefined && rule.signature.separator === undefined) faults.push(warning(`${at}.signature.separator`, 'Pairs without a separator: only one pair is read.'));
    if (rule.signature.pair === undefined && mentions([rule.message, rule.timestamp ?? null], 'signature.')) faults.push(error(`${at}.signature.pair`, '{{signature.…}} are the other fields of a header of pairs; without "pair" there are none.'));
    if (rule.scheme === 'digest' && !/\{\{(secret|app)\./.test(JSON.stringify(rule.message))) faults.push(error(`${at}.message`, 'A plain hash proves nothing unless its message holds a secret.'));
    if (!coversBody(rule.message)) faults.push(...uncovered(rule, at));
    if (rule.timestamp !== undefined && !timeIsSigned(rule)) faults.push(warning(`${at}.timestamp`, 'The time is not part of what is signed, so that anyone can write a new one.'));
  }
  if (rule.scheme === 'jwt') {
    const needsSecret = rule.algs.includes('HS256');
    if (needsSecret && rule.secret === undefined) faults.push(error(`${at}.secret`, 'HS256 needs a secret.'));
    if (rule.algs.some((alg) => alg !== 'HS256') && rule.key === undefined) faults.push(error(`${at}.key`, 'ES256, RS256 and PS256 need a key.'));
    if (needsSecret && rule.algs.length > 1) faults.push(error(`${at}.algs`, 'A rule takes either HS256 or signatures by key: taking both lets a public key pass for a secret.'));
  }
  const key = 'key' in rule && isRecord(rule.key) ? (rule.key as Json) : {};
  if (key['from'] === 'jwks' && mentions(key['url'], 'request.')) faults.push(error(`${at}.key.url`, 'The address of a key set must not come from the request: anyone could name a set of his own.'));
  if ('each' in rule && rule.each !== undefined && !mentions(rule, 'item')) faults.push(error(`${at}.each`, 'Nothing of this rule reads {{item}}, so that only one member is proven.'));
  return faults;
}

/** Whoever has seen one request could send it again for ever, by leaving out what the stronger rule looks at. */
function weakerFaults(rules: readonly VerifyRule[]): Fault[] {
  const timed = (rule: VerifyRule): boolean => rule.timestamp !== undefined || (rule.scheme === 'jwt' && rule.max_age_s !== undefined);
  if (!rules.some(timed)) return [];
  return rules.flatMap((rule, index) => (timed(rule) || rule.opt_in !== undefined ? [] : [warning(`${pathTo('webhooks.verify.any_of', index)}.opt_in`, `"${rule.id}" holds for ever, beside a rule that looks at the time: let it count only where somebody opts in.`)]));
}

/** Every form of a request with its place. */
const shapesOf = ({ event, shapes = [] }: Webhooks): { event: EventRules; at: string }[] => [...(event === undefined ? [] : [{ event, at: 'webhooks.event' }]), ...shapes.map((shape, index) => ({ event: shape.event, at: `${pathTo('webhooks.shapes', index)}.event` }))];

const coversBody = (message: readonly Part[]): boolean => message.some((part) => typeof part !== 'string' && (part.part === 'body' || part.part === 'body_hash' || part.part === 'body_crc32' || part.part === 'form_pairs'));

/** A signature that leaves the body open is the vendor's choice; that it is bound to nothing of it has to be seen. */
function uncovered(rule: Extract<VerifyRule, { message: unknown }>, at: string): Fault[] {
  if (JSON.stringify([rule.message, rule.bind ?? null]).match(/\{\{(request\.body|item)|body_hash/) !== null) return [];
  return [warning(`${at}.message`, 'Nothing of the body is signed, so that it can be changed at will.')];
}

/** The whole body may hold it, or the headers that the vendor names; else its own template has to be among the parts. */
function timeIsSigned({ message, timestamp }: Extract<VerifyRule, { message: unknown }>): boolean {
  const value = timestamp?.value ?? '';
  const inBody = value.startsWith('{{request.body') || value.startsWith('{{item');
  const named = value.startsWith('{{request.headers.') && message.some((part) => typeof part !== 'string' && part.part === 'named_headers');
  return named || (inBody && coversBody(message)) || message.some((part) => typeof part === 'string' && part.includes(value.replace(/^\{\{|\}\}$/g, '')));
}

/** An app's token names no account, so nothing of an account can be read before the event has found it. */
function scopeFaults(webhooks: Webhooks): Fault[] {
  const { scope, verify, handshake, subscriptions, setup } = webhooks;
  if (scope === 'account') return verify !== undefined && subscriptions === undefined && setup === undefined && !mentions(verify, 'secret.') && !mentions(verify, 'app.') ? [warning('webhooks.setup', 'Nothing says how the vendor is brought to send: there are neither subscriptions nor a setup.')] : [];
  const faults: Fault[] = [];
  for (const root of ['secret.', 'config.', 'captured.']) {
    if (mentions(verify, root)) faults.push(error('webhooks.verify', `{{${root}…}} is of an account, and an address of scope "app" names none; use {{app.…}}.`));
    if (mentions(handshake, root)) faults.push(error('webhooks.handshake', `{{${root}…}} is of an account, and an address of scope "app" names none; use {{app.…}}.`));
  }
  const shapes = shapesOf(webhooks);
  for (const { at } of shapes.length === 0 ? [{ at: 'webhooks.event' }] : shapes.filter(({ event }) => event.account === undefined)) faults.push(error(`${at}.account`, 'Events of an app have to find their account: name a value of the event and the field it equals.'));
  return faults;
}

function handshakeFaults(handshake: Handshake, at: string): Fault[] {
  const faults: Fault[] = [];
  if (Object.keys(handshake.when).length === 0) faults.push(error(`${at}.when`, 'A handshake without a condition would swallow every request.'));
  if (handshake.verified === false && handshake.capture !== undefined && handshake.unless_set === undefined) faults.push(error(`${at}.unless_set`, 'An unproven request could set this again and again; name the value that must not exist yet.'));
  if (handshake.reply.json !== undefined && handshake.reply.text !== undefined) faults.push(error(`${at}.reply.text`, 'A reply has json or text, not both.'));
  for (const name of Object.keys(handshake.compute ?? {})) if (!mentions(handshake.reply, `computed.${name}`)) faults.push(warning(pathTo(`${at}.compute`, name), `Nothing of the reply uses {{computed.${name}}}.`));
  return faults;
}

function eventFaults({ scope }: Webhooks, event: EventRules, at: string): Fault[] {
  const faults: Fault[] = [];
  if (scope === 'account' && event.account !== undefined) faults.push(warning(`${at}.account`, 'The address names the account already; this is not asked.'));
  const unsigned = (event.id ?? []).some((template) => template.includes('request.headers.'));
  if (unsigned && event.id_signed === undefined) faults.push(warning(`${at}.id_signed`, 'An id in a header is rarely signed: say so, true or false.'));
  if ((event.split?.length ?? 0) < 2 && mentions(event, 'parent')) faults.push(error(`${at}.split`, '{{parent}} is filled only where lists stand in lists.'));
  return faults;
}

function modelFaults(model: string, mappings: Json, at: string, method?: 'get' | 'list'): Fault[] {
  if (modelNamed(model) === undefined) return [error(at, `There is no unified model ${JSON.stringify(model)}.`, nearest(model, modelNames))];
  const mapping = Object.hasOwn(mappings, model) ? mappings[model] : undefined;
  if (!isRecord(mapping)) return [error(at, `The connector has no mapping of ${model}; add mappings/${model}.json.`, nearest(model, Object.keys(mappings)))];
  const methods = isRecord(mapping['methods']) ? mapping['methods'] : {};
  return method !== undefined && methods[method] === undefined ? [error(at, `The mapping of ${model} has no "${method}", which is needed here.`)] : [];
}

function meaningFaults(rule: UnifiedEventRule, mappings: Json, at: string): Fault[] {
  const faults = modelFaults(rule.model, mappings, `${at}.model`, rule.record.from === 'fetch' ? 'get' : undefined);
  faults.push(...repeated(rule.types, `${at}.types`, 'type'));
  if (rule.record.from === 'id' && rule.change !== 'deleted') faults.push(error(`${at}.record.from`, `Of a record that was ${rule.change} an id is not enough; fetch it.`));
  if (rule.record.from !== 'id' && rule.change === 'deleted') faults.push(error(`${at}.record.from`, 'What was deleted has only its id.'));
  const roots = ['item', 'parent', 'request'];
  for (const [name, path] of [['record.path', rule.record.from === 'payload' ? rule.record.path : 'item'], ['changed', rule.changed ?? 'item']] as const) {
    if (typeof path === 'string' && !roots.includes(path.split(/[.[]/)[0] ?? '')) faults.push(error(`${at}.${name}`, `The path must begin with one of ${roots.join(', ')}.`, `item.${path}`));
  }
  for (const path of Object.keys(rule.when ?? {})) if (!roots.includes(path.split(/[.[]/)[0] ?? '')) faults.push(error(pathTo(`${at}.when`, path), `The path must begin with one of ${roots.join(', ')}.`, `item.${path}`));
  return faults;
}

function subscriptionFaults(subscription: Subscription, at: string): Fault[] {
  const faults: Fault[] = [];
  const { register, renew, remove, enable, check, expiry, secret } = subscription;
  if (!mentions(register, 'webhook.url')) faults.push(error(`${at}.register`, 'Nothing of it uses {{webhook.url}}, so that the vendor cannot know where to send.'));
  if (secret !== undefined && !mentions(register, `secret.${secret.name}`)) faults.push(error(`${at}.secret.name`, `Nothing of "register" uses {{secret.${secret.name}}}, so that the vendor never learns it.`));
  if (expiry !== undefined && expiry.value === undefined && expiry.lifetime_s === undefined) faults.push(error(`${at}.expiry`, 'An expiry needs a value or a lifetime_s.'));
  if (renew !== undefined && expiry === undefined) faults.push(error(`${at}.expiry`, 'Nothing says when it ends, so "renew" would never run.'));
  if (expiry !== undefined && renew === undefined) faults.push(warning(`${at}.renew`, 'It ends and is not renewed: until it is registered anew, events are lost.'));
  if (expiry?.lifetime_s !== undefined && renew !== undefined && renew.before_s >= expiry.lifetime_s) faults.push(error(`${at}.renew.before_s`, `It is renewed ${renew.before_s} s before its end and lives only ${expiry.lifetime_s} s.`));
  if (check === undefined) faults.push(warning(`${at}.check`, 'Without a check, a subscription that the vendor disabled looks like silence.'));
  if (remove === undefined) faults.push(warning(`${at}.remove`, 'Without it, the vendor goes on sending after the account is deleted.'));
  for (const [name, steps] of [['register', register], ['renew.steps', renew?.steps ?? []], ['remove', remove ?? []], ['enable', enable ?? []]] as const) faults.push(...repeated(steps.map(({ id }) => id), `${at}.${name}`, 'id'));
  return faults;
}

function pollFaults(poll: Poll, webhooks: Webhooks, manifest: Json, mappings: Json, at: string): Fault[] {
  if (poll.by === 'cursor') {
    const resources = isRecord(manifest['resources']) ? manifest['resources'] : {};
    const faults = Object.hasOwn(resources, poll.resource) ? [] : [error(`${at}.resource`, `There is no resource "${poll.resource}".`, nearest(poll.resource, Object.keys(resources)))];
    if (webhooks.event === undefined) faults.push(error('webhooks.event', 'The records of a feed are read by "event", which is missing.'));
    if (!mentions(poll.query, 'poll.cursor')) faults.push(error(`${at}.query`, 'Nothing of it uses {{poll.cursor}}, so that every poll would begin anew.'));
    return faults;
  }
  const faults = modelFaults(poll.model, mappings, `${at}.model`, 'list');
  return faults.length > 0 || offersFilter(mappings[poll.model], 'updated_after') ? faults : [error(`${at}.model`, `The mapping of ${poll.model} offers no filter "updated_after", which polling needs.`)];
}

function offersFilter(mapping: unknown, filter: string): boolean {
  const methods = isRecord(mapping) && isRecord(mapping['methods']) ? mapping['methods'] : {};
  const ways = Array.isArray(methods['list']) ? (methods['list'] as unknown[]) : [];
  return ways.some((way) => isRecord(way) && isRecord(way['filters']) && Object.hasOwn(way['filters'], filter));
}

function backfillFaults(backfill: Backfill, mappings: Json, at: string): Fault[] {
  const faults = modelFaults(backfill.model, mappings, `${at}.model`, 'list');
  if (faults.length > 0) return faults;
  const methods = (mappings[backfill.model] as Json)['methods'] as { list?: { filters?: Record<string, { required?: boolean }> }[] };
  const given = Object.keys(backfill.filters ?? {});
  const serves = (methods.list ?? []).some(({ filters = {} }) => given.every((name) => Object.hasOwn(filters, name)) && Object.entries(filters).every(([name, { required }]) => required !== true || given.includes(name)));
  return serves ? [] : [error(`${at}.filters`, `No list of ${backfill.model} takes exactly these filters: one of its ways needs others.`)];
}

/** Everything up to the acknowledgement is decided without waiting; an expression would be a promise. */
function expressionFaults({ handshake, ack }: Webhooks): Fault[] {
  const places: [string, unknown][] = [...(handshake ?? []).flatMap(({ reply, capture }, index): [string, unknown][] => [[`webhooks.handshake[${index}].reply`, reply], [`webhooks.handshake[${index}].capture`, capture]]), ['webhooks.ack', ack]];
  return places.flatMap(([at, value]) => (JSON.stringify(value ?? null).includes('"$expr"') ? [error(at, 'Expressions cannot stand here: a request is answered without waiting. Use placeholders.')] : []));
}
