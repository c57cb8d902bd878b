import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { readConfiguration } from './configuration.ts';

const faultsOf = (environment: Record<string, string>): string[] => {
  const read = readConfiguration(environment);
  return read.ok ? [] : read.faults.map(({ name }) => name);
};

describe('readConfiguration', () => {
  it('has a default for everything', () => {
    const read = readConfiguration({});
    assert.ok(read.ok);
    assert.equal(read.configuration.port, 4400);
    assert.equal(read.configuration.publicUrl, 'http://127.0.0.1:4400');
    assert.equal(read.configuration.role, 'all');
    assert.deepEqual(read.configuration.allowPrivate, []);
  });

  it('names every wrong value at once', () => {
    const environment = {
      PORT: '70000',
      PUBLIC_URL: 'ftp://example.com',
      DATABASE_URL: 'mysql://x',
      EVENKEEL_MASTER_KEY: 'c2hvcnQ=',
      EVENKEEL_ADMIN_KEY: 'short',
      EVENKEEL_ROLE: 'boss',
      EVENKEEL_HOST_MAP: '[]',
      EVENKEEL_ALLOW_PRIVATE: '10.0.0.0',
      EVENKEEL_LOG_LEVEL: 'loud',
    };
    assert.deepEqual(faultsOf(environment), Object.keys(environment).toSorted((a, b) => order(a) - order(b)));
  });

  it('takes as many processes as the machine suits, unless it is told', () => {
    const processes = (environment: Record<string, string>): number | undefined => {
      const read = readConfiguration(environment);
      return read.ok ? read.configuration.apiProcesses : undefined;
    };
    const own = processes({}) ?? 0;
    assert.ok(own >= 1 && own <= 4 && own <= availableParallelism());
    assert.equal(processes({ EVENKEEL_API_PROCESSES: 'auto' }), own);
    assert.equal(processes({ EVENKEEL_API_PROCESSES: '7' }), 7);
    assert.equal(processes({ EVENKEEL_ROLE: 'worker' }), 1);
    assert.deepEqual(['0', '65', 'all'].map((value) => processes({ EVENKEEL_API_PROCESSES: value })), [undefined, undefined, undefined]);
  });

  it('refuses a misspelt variable instead of ignoring it', () => {
    assert.deepEqual(faultsOf({ EVENKEEL_MASTERKEY: 'x' }), ['EVENKEEL_MASTERKEY']);
  });

  it('never repeats a secret in a message', () => {
    const read = readConfiguration({ EVENKEEL_MASTER_KEY: 'plantedsecret', DATABASE_URL: 'plantedsecret' });
    assert.ok(!read.ok);
    assert.ok(!JSON.stringify(read.faults).includes('plantedsecret'));
  });

  it('takes an address behind a proxy and an IPv6 host', () => {
    const own = readConfiguration({ PUBLIC_URL: 'https://integrations.example.com/', HOST: '::1', PORT: '0' });
    assert.ok(own.ok);
    assert.equal(own.configuration.publicUrl, 'https://integrations.example.com');
    const derived = readConfiguration({ HOST: '::1' });
    assert.ok(derived.ok);
    assert.equal(derived.configuration.publicUrl, 'http://[::1]:4400');
  });
});

function order(name: string): number {
  return ['PORT', 'PUBLIC_URL', 'DATABASE_URL', 'EVENKEEL_MASTER_KEY', 'EVENKEEL_ADMIN_KEY', 'EVENKEEL_ROLE', 'EVENKEEL_LOG_LEVEL', 'EVENKEEL_HOST_MAP', 'EVENKEEL_ALLOW_PRIVATE'].indexOf(name);
}
