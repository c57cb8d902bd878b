/**
 * Every accepted webhook that a connector's folder records, and what is made of it without signing anew: without its
 * secret, with another, without, with a cut and a doubled signature, with a changed body, and too late it is refused. So a
 * connector is held to its rules by its own folder; the table beside this signs anew, by the vendors' packages where there are.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VerifyRule, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import type { WebhookFixture } from '@evenkeel/contract/webhook-fixture.ts';
import { compileConnector } from '@evenkeel/core/connectors/compile.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { InboundRequest } from '@evenkeel/core/inbound/inbound-request.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import { fixtureKeys, fixtureRequest, fixtureScope } from '@evenkeel/core/inbound/webhook-fixture.ts';
import { createVerificationCrypto } from '@evenkeel/server/inbound/verification-crypto.ts';
import { connectorFolders } from '../connector-folder.ts';

const crypto = createVerificationCrypto();
const nothing: Scope = { config: {}, captured: {}, secret: {}, app: {} };

for (const { id, manifest, webhookFixtures } of connectorFolders()) {
  const compiled = compileConnector(manifest);
  const rules = compiled.ok ? webhooksOf(compiled.connector) : undefined;
  const declared = (manifest as { webhooks?: Webhooks }).webhooks?.verify?.any_of ?? [];
  describe(`recorded webhooks of ${id}`, () => {
    for (const { name, fixture } of webhookFixtures) {
      const { outcome } = fixture;
      if (outcome.kind !== 'accepted') continue;
      test(`${name} is accepted as it is, and in no other form`, () => {
        const rule = declared.find((one) => one.id === outcome.rule) ?? assert.fail(`no rule ${outcome.rule}`);
        const kindOf = (request: InboundRequest, scope = fixtureScope(fixture), keys = fixtureKeys(fixture)): string => rules?.receive(request, [scope], { crypto, keys }).kind ?? 'no rules';
        const request = fixtureRequest(fixture);
        assert.equal(kindOf(request), 'accepted');
        assert.notEqual(kindOf(request, nothing, () => undefined), 'accepted', 'nothing is known of the account');
        if (fixture.keys === undefined) assert.equal(kindOf(request, otherSecrets(fixture)), 'refused', 'other secrets');
        for (const [what, changed] of changes(rule, request)) assert.equal(kindOf(changed), 'refused', what);
        for (const [what, changed] of otherSignatures(rule, request)) {
          const received = rules?.receive(changed, [fixtureScope(fixture)], { crypto, keys: fixtureKeys(fixture) });
          // A vendor may send signatures of several versions at once: then another rule proves it, never this one.
          assert.ok(received?.kind !== 'accepted' || received.verification.rule !== rule.id, what);
        }
      });
    }
  });
}

function changes(rule: VerifyRule, request: InboundRequest): [string, InboundRequest][] {
  const made: [string, InboundRequest][] = [];
  if ('message' in rule && /"part":"body(_hash)?"/.test(JSON.stringify(rule.message))) made.push(['changed body', { ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) }]);
  if ('timestamp' in rule && rule.timestamp !== undefined) made.push(['a week late', { ...request, receivedAtMs: request.receivedAtMs + 7 * 86_400_000 }]);
  return made;
}

function otherSignatures(rule: VerifyRule, request: InboundRequest): [string, InboundRequest][] {
  const header = 'signature' in rule ? rule.signature.header?.toLowerCase() : undefined;
  if (header === undefined) return [];
  const [value = ''] = request.headers[header] ?? [];
  assert.ok(value !== '', `the recorded request has no ${header}`);
  const others: [string, string[]][] = [['missing', []], ['empty', ['']], ['cut', [value.slice(0, -4)]], ['doubled', [value, value]]];
  return others.map(([what, values]) => [`${what} signature`, { ...request, headers: { ...request.headers, [header]: values } }]);
}

/** The same names with values that end otherwise. */
function otherSecrets(fixture: WebhookFixture): Scope {
  const { secret, app, captured, config } = fixtureScope(fixture);
  const other = (values: unknown): Record<string, unknown> => Object.fromEntries(Object.entries(values as object).map(([name, value]) => [name, typeof value === 'string' ? `${value.slice(0, -4)}AAAA` : value]));
  const secrets = { secret: other(secret), app: other(app) };
  const proven = Object.keys({ ...secrets.secret, ...secrets.app }).length > 0;
  return { config: config ?? {}, captured: proven ? (captured ?? {}) : other(captured), ...secrets } as Scope;
}
