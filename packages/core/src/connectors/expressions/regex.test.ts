import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRegex, regexFault, safeTextLength } from './regex.ts';

test('patterns that take exponential time are refused', () => {
  for (const source of ['(a+)+$', '(a|a)*$', '(a|ab)*c', '(.*)*', '(a?){20}a{20}', `${'a?'.repeat(12)}${'a'.repeat(12)}`, '(x+x+)+y', '([a-z]+\\s?)+$', '(a{1,10}){1,10}b', '.*.*.*.*=', '(?=(a+)+$)a', '(a)\\1', '(?<n>a)\\k<n>', '[', 'a'.repeat(501)]) {
    assert.notEqual(regexFault(source), undefined, source);
  }
});

test('patterns of real connectors are accepted', () => {
  for (const source of ['^[a-z0-9]+(?:-[a-z0-9]+)*$', '<([^>]+)>; rel="next"', 'api-usage=(\\d+)/(\\d+)', '^\\w+@\\w+\\.com$', 'lin_api_[A-Za-z0-9]+', '/(\\d+)\\s*$', '^\\d{4}-\\d{2}(-\\d{2})?$', '^(us|eu|in)$', '`([^`]+)`', '^Invalid scope', '^(?:[^,]*,)+$', '\\u00e9|\\x41|\\p{L}']) {
    assert.equal(regexFault(source), undefined, source);
  }
});

test('the worst accepted pattern of each degree ends quickly at its longest text', () => {
  for (const [source, character] of [['(\\d+)/(\\d+)', '1'], ['^.*foo.*bar$', 'f'], ['\\s+$', ' '], ['a.*b.*c', 'a'], ['a?a?a?a?a?a?aaaaaab', 'a']] as const) {
    const compiled = compileRegex(source);
    assert.ok(compiled.ok, source);
    const started = performance.now();
    compiled.exec(character.repeat(safeTextLength(source) + 100));
    assert.ok(performance.now() - started < 1_000, source);
  }
});

test('a compiled pattern finds its groups', () => {
  const compiled = compileRegex('api-usage=(\\d+)/(\\d+)');
  assert.ok(compiled.ok);
  assert.deepEqual([...(compiled.exec('api-usage=18/5000') ?? [])], ['api-usage=18/5000', '18', '5000']);
});
