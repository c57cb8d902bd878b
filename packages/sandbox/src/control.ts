/** The control interface under /_sandbox: faults, clock, counts, webhooks, limits. Never part of a simulated vendor. */
import type { Clock } from './clock.ts';
import { bodyJson, bodyObject, empty, json, type Call, type Reply } from './exchange.ts';
import { readFaults, type FaultTable } from './faults.ts';
import { asArray, asObject, asText, readInteger, type Json } from './json.ts';
import type { LimitTable } from './rate-limiter.ts';
import type { RequestLog } from './request-log.ts';
import type { Identity, Vendor } from './vendor.ts';
import { targetAllowed, type WebhookSender } from './webhook-sender.ts';
import { sandboxApps, sandboxKeys } from './apps.ts';

export interface ControlDeps {
  readonly clock: Clock;
  readonly faults: FaultTable;
  readonly log: RequestLog;
  readonly webhooks: WebhookSender;
  vendor(id: string): Vendor | undefined;
  vendorIds(): string[];
  limits(vendor: string): LimitTable;
  settings(vendor: string): Map<string, Json>;
  readonly redirects: Set<string>;
  reset(): void;
}

const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
const refuse = (status: number, message: string): Reply => json(status, { error: message });

function faults(deps: ControlDeps, call: Call, vendor: Vendor): Reply {
  if (call.method === 'DELETE') {
    deps.faults.clear(vendor.id);
    return empty(204);
  }
  if (call.method === 'PUT') {
    const reading = readFaults(bodyJson(call));
    if (!reading.ok) return refuse(400, reading.message);
    deps.faults.put(vendor.id, reading.faults);
    for (const fault of reading.faults) if (fault.kind === 'revoke_tokens') vendor.revoke((identity: Identity) => (fault.account ?? identity.account) === identity.account && (fault.token ?? identity.token) === identity.token);
  }
  return json(200, asJson(deps.faults.get(vendor.id)));
}

function webhooks(deps: ControlDeps, call: Call, vendor: Vendor): Reply {
  if (call.method === 'DELETE') {
    deps.webhooks.remove(vendor.id, call.query.get('id') ?? undefined);
    return empty(204);
  }
  if (call.method === 'GET') return json(200, asJson({ registrations: deps.webhooks.list(vendor.id), attempts: deps.webhooks.attempts(vendor.id) }));
  const body = bodyObject(call);
  if (call.method === 'PUT') {
    const enabled = body?.['enabled'];
    if (typeof enabled !== 'boolean') return refuse(400, 'Send {"enabled": true or false}; with ?id= for one registration.');
    return json(200, { changed: deps.webhooks.change(vendor.id, call.query.get('id') ?? undefined, { enabled }) });
  }
  const target = asText(body?.['target_url']);
  if (!targetAllowed(target)) return refuse(400, 'target_url must be an http address on this machine (127.0.0.1, localhost).');
  const events = body?.['events'];
  const account = asText(body?.['account']);
  return json(201, asJson(deps.webhooks.register(vendor, { target_url: target, secret: asText(body?.['secret']), account: account === '' ? null : account, events: Array.isArray(events) ? asArray(events).map(asText) : null })));
}

function limits(deps: ControlDeps, call: Call, vendor: Vendor): Reply {
  const table = deps.limits(vendor.id);
  if (call.method === 'DELETE') table.clear();
  for (const [name, value] of Object.entries(call.method === 'PUT' ? (bodyObject(call) ?? {}) : {})) {
    const { limit, window_ms: windowMs } = asObject(value) ?? {};
    if (typeof limit !== 'number' || typeof windowMs !== 'number' || windowMs < 1) return refuse(400, `${name} must be {"limit": number, "window_ms": number}.`);
    table.override(name, { limit, windowMs });
  }
  return json(200, asJson(table.names()));
}

function settings(deps: ControlDeps, call: Call, vendor: Vendor): Reply {
  const known = deps.settings(vendor.id);
  for (const [name, value] of Object.entries(call.method === 'PUT' ? (bodyObject(call) ?? {}) : {})) known.set(name, value);
  return json(200, Object.fromEntries(known));
}

function world(deps: ControlDeps, call: Call, area: string): Reply | null {
  const body = bodyObject(call);
  switch (`${call.method} ${area}`) {
    case 'POST reset':
      deps.reset();
      return empty(204);
    case 'GET clock':
      return json(200, { now: deps.clock.now() });
    case 'POST clock': {
      const advance = body?.['advance_ms'];
      if (typeof advance !== 'number') return refuse(400, 'Send {"advance_ms": number}.');
      deps.clock.advance(advance);
      return json(200, { now: deps.clock.now() });
    }
    case 'GET requests': {
      const vendor = call.query.get('vendor');
      const kind = call.query.get('kind');
      return json(200, asJson(deps.log.read({ ...(vendor === null ? {} : { vendor }), ...(kind === null ? {} : { kind }), limit: readInteger(call.query.get('limit'), 200, 0, 5000) })));
    }
    case 'DELETE requests':
      deps.log.clear();
      return empty(204);
    case 'POST redirects':
      deps.redirects.add(asText(body?.['redirect_uri']));
      return json(200, [...deps.redirects]);
    case 'GET apps':
      return json(200, asJson({ apps: sandboxApps, keys: sandboxKeys }));
    case 'GET vendors':
      return json(200, deps.vendorIds());
    default:
      return null;
  }
}

/** Answers a call whose path begins with /_sandbox. */
export function control(deps: ControlDeps, call: Call): Reply {
  const [, , area = '', id = ''] = call.path.split('/');
  const general = id === '' ? world(deps, call, area) : null;
  if (general !== null) return general;
  const areas = { faults, webhooks, limits, settings };
  const handle = Object.hasOwn(areas, area) ? areas[area as keyof typeof areas] : undefined;
  if (handle === undefined) return refuse(404, `Nothing at ${call.method} ${call.path}. See packages/sandbox/README.md.`);
  const vendor = deps.vendor(id);
  if (vendor === undefined) return refuse(404, `No vendor "${id}"; there are ${deps.vendorIds().join(', ')}.`);
  return handle(deps, call, vendor);
}
