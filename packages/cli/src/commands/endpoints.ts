/** `evenkeel endpoints …`: receivers of webhooks, how they fare, and trying them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { DeliveryDetail } from '@evenkeel/sdk/generated/contract.ts';
import { jsonOption, serverOptions, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { printable, table } from '../table.ts';

export const endpointsList: Command = {
  words: ['endpoints', 'list'],
  summary: 'List the endpoints that get webhooks, and how they fare.',
  operands: '',
  arity: [0, 0],
  options: { tenant: { type: 'string', value: '<id>', description: 'Only endpoints of this tenant.' }, ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { values, out, signal } = invocation;
    const tenant = textOf(values['tenant']);
    const endpoints = [];
    for await (const one of connect(invocation).endpoints.list(tenant === undefined ? {} : { tenant_id: tenant }, { signal })) endpoints.push(one);
    if (values['json'] === true) out.line(JSON.stringify(endpoints, null, 2));
    else if (endpoints.length === 0) out.note('There are no endpoints.');
    else {
      const rows = endpoints.map((one) => [one.id, one.tenant_id ?? '–', one.enabled ? one.health.state : `disabled: ${one.disabled_reason ?? ''}`, one.health.failing_since ?? '–', one.event_types.join(' '), printable(one.url)]);
      out.line(table(['ID', 'TENANT', 'STATE', 'FAILING SINCE', 'EVENTS', 'URL'], rows));
    }
    return exitCodes.ok.code;
  },
};

export const endpointsTest: Command = {
  words: ['endpoints', 'test'],
  summary: 'Send an example event to an endpoint, signed like every other, and show what it answered.',
  operands: '<endpoint>',
  arity: [1, 1],
  options: { type: { type: 'string', value: '<event type>', description: 'Which example; default endpoint:test. GET /v1/event-types lists them.' }, ...jsonOption, ...serverOptions },
  details: ['Exits 1 when it was not delivered.'],
  async run(invocation) {
    const { positionals, values, out, signal } = invocation;
    const client = connect(invocation);
    const type = textOf(values['type']);
    const queued = await client.endpoints.test(positionals[0] ?? '', type === undefined ? {} : { event_type: type }, { signal });
    let delivery = await client.deliveries.get(queued.id, { signal });
    while (delivery.state === 'pending') {
      await pause(100, undefined, { signal });
      delivery = await client.deliveries.get(queued.id, { signal });
    }
    if (values['json'] === true) out.line(JSON.stringify(delivery, null, 2));
    else out.line(outcomeOf(delivery));
    return delivery.state === 'delivered' ? exitCodes.ok.code : exitCodes.findings.code;
  },
};

function outcomeOf({ id, event_type: type, event_id: eventId, attempt_list: attempts, state }: DeliveryDetail): string {
  const last = attempts.at(-1);
  const answer = last?.response?.binary === false ? printable(last.response.text.slice(0, 500)) : '–';
  const facts = [['delivery', id], ['event', `${type} ${eventId}`], ['outcome', last?.message === null || last === undefined ? state : `${state}: ${last.message}`], ['status', String(last?.status ?? '–')], ['took', `${last?.duration_ms ?? 0} ms`], ['answer', answer]];
  return facts.map(([name, value]) => `${(name ?? '').padEnd(10)}${value ?? ''}`).join('\n');
}

export const deliveriesList: Command = {
  words: ['deliveries', 'list'],
  summary: 'List deliveries of webhooks, newest first.',
  operands: '',
  arity: [0, 0],
  options: {
    endpoint: { type: 'string', value: '<id>', description: 'Only those to this endpoint.' },
    state: { type: 'string', value: '<state>', description: 'pending, delivered, failed or cancelled.' },
    event: { type: 'string', value: '<id>', description: 'Only those of this event.' },
    ...jsonOption,
    ...serverOptions,
  },
  details: ['Shows the newest 50. To send one again: POST /v1/deliveries/{id}/retry.'],
  async run(invocation) {
    const { values, out, signal } = invocation;
    const { results } = await connect(invocation).deliveries.list(queryOf(values), { signal }).page();
    if (values['json'] === true) out.line(JSON.stringify(results, null, 2));
    else if (results.length === 0) out.note('No deliveries match.');
    else out.line(table(['ID', 'ACCEPTED', 'EVENT', 'STATE', 'ATTEMPTS', 'LAST', 'NEXT', 'ENDPOINT'], results.map((one) => [one.id, one.accepted_at, one.event_type, one.state, String(one.attempts), String(one.last_status ?? one.last_error ?? '–'), one.next_attempt_at ?? '–', one.endpoint_id])));
    return exitCodes.ok.code;
  },
};

function queryOf(values: Invocation['values']) {
  const [endpoint, state, event] = [textOf(values['endpoint']), textOf(values['state']), textOf(values['event'])];
  // The server says which states there are.
  return { ...(endpoint === undefined ? {} : { endpoint_id: endpoint }), ...(event === undefined ? {} : { event_id: event }), ...(state === undefined ? {} : { state: state as DeliveryDetail['state'] }) };
}
