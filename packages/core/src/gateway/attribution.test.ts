import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attribute, type Evidence, type TransportFailure, type TransportPhase } from './attribution.ts';

const transport = (failure: TransportFailure, phase: TransportPhase, more: object = {}): Evidence => ({ kind: 'transport', vendor: 'Acme', failure, phase, elapsedMs: 1000, ...more });

test('each way a call fails has one origin and one reason', () => {
  const expected: [Evidence, string, string | null, string][] = [
    [transport('timeout', 'headers'), 'upstream', 'upstream_timeout', 'transport:timeout-headers'],
    [transport('timeout', 'headers', { waitedMs: 900 }), 'platform', 'internal', 'transport:timeout-queue'],
    [transport('connect', 'connect'), 'upstream', 'upstream_unavailable', 'transport:connect-connect'],
    [transport('reset', 'headers'), 'upstream', 'upstream_unavailable', 'transport:reset-headers'],
    [transport('reset', 'body'), 'upstream', 'upstream_invalid_response', 'transport:reset-body'],
    [transport('too_large', 'body'), 'upstream', 'upstream_invalid_response', 'transport:too_large-body'],
    [transport('invalid', 'request'), 'platform', 'internal', 'transport:invalid-request'],
    [transport('invalid', 'headers'), 'upstream', 'upstream_invalid_response', 'transport:invalid-headers'],
    [transport('blocked', 'connect'), 'account', 'forbidden', 'transport:blocked-connect'],
    [transport('blocked', 'connect', { redirected: true }), 'upstream', 'upstream_invalid_response', 'transport:blocked-redirect'],
    [transport('invalid', 'request', { redirected: true }), 'upstream', 'upstream_invalid_response', 'transport:invalid-redirect'],
    [transport('aborted', 'headers'), 'caller', null, 'transport:aborted'],
    [{ kind: 'body', vendor: 'Acme', failure: 'truncated', detail: 'it ends too early' }, 'upstream', 'upstream_invalid_response', 'body:truncated'],
    [{ kind: 'record', vendor: 'Acme', failure: { ok: false, code: 'mapping_failed', origin: 'platform', reason: 'mapping:expression', message: 'x' } }, 'platform', 'mapping_failed', 'mapping:expression'],
    [{ kind: 'stranger', vendor: 'Acme', host: 'files.example', status: 401 }, 'upstream', 'upstream_invalid_response', 'redirect:refused'],
    [{ kind: 'page', vendor: 'Acme', reason: 'foreign_origin', message: 'x' }, 'upstream', 'upstream_invalid_response', 'page:foreign_origin'],
    [{ kind: 'build', problem: { code: 'invalid_request', origin: 'caller', message: 'x' } }, 'caller', 'invalid_request', 'build:caller'],
    [{ kind: 'build', problem: { code: 'internal', origin: 'platform', message: 'x' } }, 'platform', 'internal', 'build:platform'],
    [{ kind: 'account', code: 'reauth_required', detail: 'x' }, 'account', 'reauth_required', 'account:reauth_required'],
    [{ kind: 'call', code: 'unsupported_operation', reason: 'unsupported', detail: 'x' }, 'caller', 'unsupported_operation', 'call:unsupported'],
    [{ kind: 'bug' }, 'platform', 'internal', 'bug'],
  ];
  for (const [evidence, origin, code, reason] of expected) {
    const attribution = attribute(evidence);
    assert.deepEqual([attribution.origin, attribution.code, attribution.reason], [origin, code, reason]);
    assert.notEqual(attribution.detail, '');
  }
});
