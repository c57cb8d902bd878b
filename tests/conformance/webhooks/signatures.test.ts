/**
 * Every vendor's signature against the engine: what the vendor signs is accepted, and whatever is missing, empty, cut,
 * of another secret, too old, too early, re-encoded or doubled is not. One table of vendors over all schemes, one list
 * of attempts; where a vendor publishes a verifier, it has to agree with the engine about the same bytes.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { lintManifest } from '@evenkeel/core/connectors/lint/lint.ts';
import type { InboundRequest } from '@evenkeel/core/inbound/inbound-request.ts';
import type { Received } from '@evenkeel/core/inbound/receive.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import { createVerificationCrypto } from '@evenkeel/server/inbound/verification-crypto.ts';
import { connectorFolders } from '../connector-folder.ts';
import { catalogueSigners } from './catalogue-signers.ts';
import { documentedSigners } from './documented-signers.ts';
import { publishedSigners } from './published-signers.ts';
import type { ChangeProof, SignedRequest, Unsigned, VendorCase } from './vendor-case.ts';
import { catalogue, connectorOf, manifestOf } from './vendor-rules.ts';

const crypto = createVerificationCrypto();
const cases = [...publishedSigners, ...documentedSigners, ...catalogueSigners];
const url = 'https://hooks.example.com/inbound/vendor/token-0123456789';

interface Attempt {
  readonly message: Unsigned;
  readonly signed: SignedRequest;
}
async function signed(given: VendorCase, change: Partial<Unsigned> = {}): Promise<Attempt> {
  const message = { body: given.body, url, nowMs: Date.now(), ...change };
  return { message, signed: await given.sign(message) };
}

type Headers = Record<string, string | readonly string[]>;
function requestOf(given: VendorCase, { message, signed: by }: Attempt, change: { headers?: (headers: Headers) => Headers; body?: (body: Buffer) => Buffer; receivedAtMs?: number } = {}): InboundRequest {
  const headers = (change.headers ?? ((same) => same))({ 'content-type': given.contentType, ...by.headers });
  const body = by.body ?? message.body;
  return {
    method: 'POST', url: by.url ?? message.url, body: (change.body ?? ((same) => same))(body), receivedAtMs: change.receivedAtMs ?? message.nowMs,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value])),
  };
}

const receive = (given: VendorCase, request: InboundRequest, scope = given.scope, keys = given.keys): Received => {
  const rules = webhooksOf(connectorOf(given.vendor));
  assert.ok(rules !== undefined, `${given.vendor} declares no webhooks`);
  return rules.receive(request, [scope], { crypto, keys: (id) => keys?.[id] });
};

/** Not a word about which event it would have been: a refusal has a reason of the list and a status that is not a success. */
function refuses(given: VendorCase, request: InboundRequest, what: string, scope = given.scope, keys = given.keys): void {
  const received = receive(given, request, scope, keys);
  assert.equal(received.kind, 'refused', `${what}: ${JSON.stringify(received)}`);
  if (received.kind === 'refused') assert.ok(received.status >= 400 && received.status < 500, `${what}: ${received.status}`);
}

const tested = new Set<string>();
for (const given of cases) {
  describe(`${given.vendor} ${given.rule}`, () => {
    tested.add(`${given.vendor} ${given.rule}`);

    test('its rules have no faults', () => assert.deepEqual(lintManifest(manifestOf(given.vendor)).filter(({ path }) => path.startsWith('webhooks')), []));

    test('what the vendor signs is accepted, and its own verifier agrees', async () => {
      const attempt = await signed(given);
      const received = receive(given, requestOf(given, attempt));
      assert.equal(received.kind, 'accepted', JSON.stringify(received));
      if (received.kind === 'accepted') assert.equal(received.verification.rule, given.rule);
      if (given.verifies !== undefined) assert.equal(await given.verifies(attempt.message, attempt.signed), true, 'the vendor refuses what the engine accepts');
    });

    if (given.verifies !== undefined) {
      test('its own verifier tells a changed body, so that its consent means something', async () => {
        const { message, signed: by } = await signed(given);
        const place = message.body.findLastIndex((byte) => /[a-z]/i.test(String.fromCharCode(byte)));
        const body = Buffer.from(message.body.map((byte, index) => (index === place ? byte ^ 1 : byte)));
        assert.equal(await given.verifies?.({ ...message, body }, by), false);
      });
    }

    test('the events in it have their ids and types', async () => {
      const attempt = await signed(given);
      const split = webhooksOf(connectorOf(given.vendor))?.split(requestOf(given, attempt), { crypto });
      if (split?.ok !== true) assert.fail(JSON.stringify(split));
      assert.deepEqual(split.events.map(({ type }) => type), given.events.map(({ type }) => type));
      for (const [index, { id }] of given.events.entries()) if (id !== undefined) assert.equal(split.events[index]?.id, id);
      assert.equal(new Set(split.events.map(({ id }) => id)).size, split.events.length, 'ids differ');
    });

    test('another secret, and none, prove nothing', async () => {
      const request = requestOf(given, await signed(given));
      if (given.otherKeys !== undefined) return refuses(given, request, 'another key', given.scope, given.otherKeys);
      refuses(given, request, 'another secret', given.otherScope);
      refuses(given, request, 'no secret', { config: {}, captured: {}, secret: {}, app: {} });
    });

    test('a former secret counts when it is offered beside the present one', async () => {
      const rules = webhooksOf(connectorOf(given.vendor));
      assert.equal(rules?.receive(requestOf(given, await signed(given)), [given.otherScope, given.scope], { crypto, keys: (id) => given.keys?.[id] }).kind, 'accepted');
    });

    const { header } = given;
    if (header !== null) {
      test('a missing, empty, cut or doubled signature is refused', async () => {
        const attempt = await signed(given);
        const value = attempt.signed.headers[header] ?? assert.fail(`nothing signs by ${header}`);
        const replaced = (by: string | readonly string[]): InboundRequest => requestOf(given, attempt, { headers: (headers) => ({ ...headers, [header]: by }) });
        refuses(given, replaced([]), 'missing');
        refuses(given, replaced(''), 'empty');
        refuses(given, replaced('   '), 'blank');
        for (const kept of [1, Math.floor(value.length / 2), value.length - 4]) refuses(given, replaced(value.slice(0, kept)), `cut to ${kept}`);
        refuses(given, replaced([value, value]), 'doubled');
        refuses(given, replaced([value, `${value.slice(0, -2)}00`]), 'doubled with another');
      });
    }

    if (header === null) {
      test('a missing, empty or cut proof in the body is refused, and one wrong one among right ones', async () => {
        const attempt = await signed(given);
        const changed = (change: ChangeProof): InboundRequest => requestOf(given, attempt, { body: (body) => given.changeProof?.(body, change) ?? assert.fail('nothing says where the proof is') });
        assert.equal(receive(given, changed((proof) => proof)).kind, 'accepted', 'nothing changed');
        refuses(given, changed(() => undefined), 'missing');
        refuses(given, changed(() => ''), 'empty');
        refuses(given, changed(() => '   '), 'blank');
        for (const keep of [() => 1, (length: number) => length >> 1, (length: number) => length - 4]) refuses(given, changed((proof) => proof.slice(0, keep(proof.length))), 'cut');
        refuses(given, changed((proof, last) => (last ? proof.slice(0, -4) : proof)), 'only the last one cut');
      });
    }

    if (given.second !== undefined && header !== null) {
      const { second } = given;
      test('a right signature after a wrong one in the same header is found', async () => {
        const attempt = await signed(given);
        const value = attempt.signed.headers[header] ?? '';
        const received = receive(given, requestOf(given, attempt, { headers: (headers) => ({ ...headers, [header]: second(value) }) }));
        assert.equal(received.kind, 'accepted', JSON.stringify(received));
      });
    }

    if (given.signsBody) {
      test('a changed body is refused: re-encoded, a byte flipped, shortened, emptied', async () => {
        const attempt = await signed(given);
        const changed: [string, (body: Buffer) => Buffer][] = [
          ['a flipped bit', (body) => Buffer.from(body.map((byte, index) => (index === body.length >> 1 ? byte ^ 1 : byte)))],
          ['a byte less', (body) => body.subarray(0, -1)],
          ['a byte more', (body) => Buffer.concat([body, Buffer.from(' ')])],
          ['empty', () => Buffer.alloc(0)],
          ['in Latin-1', (body) => Buffer.from(body.toString('utf8'), 'latin1')],
        ];
        if (given.contentType === 'application/json' && given.body.includes('" :')) changed.push(['re-encoded JSON', (body) => Buffer.from(JSON.stringify(JSON.parse(body.toString())))]);
        for (const [what, body] of changed) {
          const request = requestOf(given, attempt, { body });
          // A form that decodes to the same pairs is the same signed message.
          if (Buffer.compare(request.body, attempt.signed.body ?? attempt.message.body) !== 0 && !(given.contentType.includes('form') && what === 'a byte more')) refuses(given, request, what);
        }
      });
    }

    if (given.anyBytes && given.signsBody) {
      test('bytes that are no UTF-8 are checked as bytes', async () => {
        const odd = Buffer.concat([given.body.subarray(0, -1), Buffer.from([0xff, 0xfe, 0x80]), given.body.subarray(-1)]);
        const attempt = await signed(given, { body: odd });
        assert.equal(receive(given, requestOf(given, attempt)).kind, 'accepted');
        refuses(given, requestOf(given, attempt, { body: (body) => Buffer.from(body.toString('utf8')) }), 'with replacement characters');
      });
    }

    if (given.pastS !== undefined) {
      const pastMs = given.pastS * 1000;
      const futureMs = (given.futureS ?? given.pastS) * 1000;
      test('too old and too early are refused, just within is not', async () => {
        const attempt = await signed(given);
        const { nowMs } = attempt.message;
        refuses(given, requestOf(given, attempt, { receivedAtMs: nowMs + pastMs + 2000 }), 'too old');
        refuses(given, requestOf(given, attempt, { receivedAtMs: nowMs - futureMs - 2000 }), 'too early');
        assert.equal(receive(given, requestOf(given, attempt, { receivedAtMs: nowMs + pastMs - 2000 })).kind, 'accepted', 'still young enough');
        assert.equal(receive(given, requestOf(given, attempt, { receivedAtMs: nowMs - futureMs + 2000 })).kind, 'accepted', 'not too early');
      });
    }
  });
}

after(() => {
  const further = new Set(publishedSigners.flatMap(({ vendor, verifies }) => (verifies === undefined || catalogue.has(vendor) ? [] : [vendor])));
  assert.ok(further.size >= 12, `of vendors beside the catalogue ${further.size} have packages that check what is signed here: ${[...further].join()}`);
  const declared = [...catalogue].flatMap(([id, manifest]) => ((manifest as { webhooks?: { verify?: { any_of: { id: string }[] } } }).webhooks?.verify?.any_of ?? []).map((rule) => `${id} ${rule.id}`));
  const recorded = connectorFolders().flatMap(({ id, webhookFixtures }) => webhookFixtures.flatMap(({ fixture: { outcome } }) => (outcome.kind === 'accepted' ? [`${id} ${outcome.rule}`] : [])));
  assert.deepEqual(declared.filter((rule) => !tested.has(rule) && !recorded.includes(rule)), [], 'every rule of the catalogue is in the table, or accepts a fixture of its connector, which recorded.test.ts tries to break');
});
