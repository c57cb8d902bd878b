import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVault, keyIdOf, SealBroken, type Binding } from './vault.ts';

const anyBinding: fc.Arbitrary<Binding> = fc.record({ purpose: fc.constantFrom('credential' as const, 'app' as const), subject: fc.string({ maxLength: 40 }) });

test('what is sealed opens again, under its own binding only, and shows nothing of itself', () => {
  const vault = createVault(randomBytes(32));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 400 }), anyBinding, anyBinding, (plain, binding, other) => {
      const envelope = vault.seal(binding, plain);
      assert.deepEqual(new Uint8Array(vault.open(binding, envelope)), plain);
      assert.equal(envelope.indexOf(Buffer.from(plain)), -1);
      if (binding.purpose !== other.purpose || binding.subject !== other.subject) assert.throws(() => vault.open(other, envelope), SealBroken);
    }),
  );
});

test('any flipped bit and any cut is noticed', () => {
  const vault = createVault(randomBytes(32));
  const binding: Binding = { purpose: 'credential', subject: 'acc_1' };
  const envelope = vault.sealJson(binding, { token: 'tok-planted' });
  fc.assert(
    fc.property(fc.nat({ max: envelope.length * 8 - 1 }), (bit) => {
      const damaged = Buffer.from(envelope);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => vault.open(binding, damaged), SealBroken);
    }),
  );
  for (let length = 0; length < envelope.length; length += 1) assert.throws(() => vault.open(binding, envelope.subarray(0, length)), SealBroken);
});

test('a retired key still opens and no longer seals; an unknown key is named', () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const binding: Binding = { purpose: 'app', subject: 'a-vendor' };
  const sealedByOld = createVault(old).sealJson(binding, ['x']);
  const rotated = createVault(fresh, [old]);
  assert.deepEqual(rotated.openJson(binding, sealedByOld), ['x']);
  assert.equal(rotated.keyId, keyIdOf(fresh));
  assert.throws(() => createVault(fresh).open(binding, sealedByOld), new RegExp(keyIdOf(old)));
  assert.throws(() => createVault(old).open(binding, rotated.sealJson(binding, ['y'])), SealBroken);
});

test('no failure tells what was sealed', () => {
  const vault = createVault(randomBytes(32));
  const envelope = vault.sealJson({ purpose: 'credential', subject: 'acc_1' }, { secret: 'planted-secret' });
  assert.throws(
    () => vault.openJson({ purpose: 'credential', subject: 'acc_2' }, envelope),
    (error: Error) => !`${error.message}${error.stack}`.includes('planted-secret'),
  );
});
