import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createAddressGuard } from './address-guard.ts';

const refused: [address: string, why: string][] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'this network'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'CGNAT'],
  ['100.127.255.255', 'CGNAT'],
  ['100.100.100.200', 'metadata'],
  ['169.254.169.254', 'metadata'],
  ['169.254.1.1', 'link-local'],
  ['168.63.129.16', 'metadata'],
  ['192.0.0.192', 'metadata'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['198.18.0.1', 'benchmarking'],
  ['198.51.100.7', 'documentation'],
  ['203.0.113.7', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.250', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::7f00:1', 'v4-compatible'],
  ['::ffff:127.0.0.1', 'v4-mapped'],
  ['::ffff:a00:1', 'v4-mapped'],
  ['::ffff:169.254.169.254', 'v4-mapped metadata'],
  ['::ffff:0:7f00:1', 'v4-translated'],
  ['64:ff9b::7f00:1', 'NAT64 of loopback'],
  ['64:ff9b::169.254.169.254', 'NAT64 of metadata'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['2002:7f00:1::1', '6to4'],
  ['2002:808:808::1', '6to4'],
  ['2001::1', 'Teredo'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'Teredo'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['100::1', 'discard'],
  ['fc00::1', 'unique local'],
  ['fd00:ec2::254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local with zone'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['5f00::1', 'segment routing'],
  ['4000::1', 'unassigned'],
  ['2130706433', 'not dotted decimal'],
  ['0x7f.0.0.1', 'not dotted decimal'],
  ['017700000001', 'not dotted decimal'],
  ['127.1', 'not dotted decimal'],
  ['localhost', 'a name'],
  ['', 'nothing'],
];

test('every address that is not public is refused', () => {
  const guard = createAddressGuard();
  for (const [address, why] of refused) assert.equal(guard.judge(address).ok, false, `${address} (${why})`);
});

test('public addresses pass', () => {
  const guard = createAddressGuard();
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.63.255.255', '2606:4700:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808']) {
    assert.deepEqual(guard.judge(address), { ok: true }, address);
  }
});

test('an allowed range opens exactly itself', () => {
  const guard = createAddressGuard(['10.20.0.0/16', 'fd00:1::/64']);
  assert.equal(guard.judge('10.20.3.4').ok, true);
  assert.equal(guard.judge('::ffff:10.20.3.4').ok, true);
  assert.equal(guard.judge('fd00:1::9').ok, true);
  assert.equal(guard.judge('10.21.0.1').ok, false);
  assert.equal(guard.judge('fd00:2::9').ok, false);
});

test('an allow-list that cannot be read does not start', () => {
  assert.throws(() => createAddressGuard(['10.0.0.0']), /CIDR/);
  assert.throws(() => createAddressGuard(['everything']), /CIDR/);
});

test('a private address is refused in every form that carries it', () => {
  const guard = createAddressGuard();
  const octet = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.constantFrom(10, 127), octet, octet, octet, (a, b, c, d) => {
      const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
      for (const form of [`${a}.${b}.${c}.${d}`, `::ffff:${a}.${b}.${c}.${d}`, `::ffff:${hex(a, b)}:${hex(c, d)}`, `64:ff9b::${hex(a, b)}:${hex(c, d)}`, `2002:${hex(a, b)}:${hex(c, d)}::1`]) {
        assert.equal(guard.judge(form).ok, false, form);
      }
    }),
  );
});
