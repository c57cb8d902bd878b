import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readForms, readText } from './html-form.ts';

const page = `<!doctype html><html><head><title>T</title><style>form{}</style></head><body>
  <h1>Connect &amp; go</h1><!-- <form action="/no"></form> --><script>const x = '<form action="/no"></form>';</script>
  <form method="post" action="/connect/abc?x=1&amp;y=2">
    <input type="hidden" name="csrf" value="a&quot;b">
    <label>Key <input name=api_key required></label>
    <input type="checkbox" name="off"><input type="checkbox" name="on" checked>
    <input name="gone" value="x" disabled>
    <select name="region"><option value="us">US</option><option value="eu" selected>EU &#x2603;</option></select>
    <textarea name="note">
two
lines</textarea>
    <button type="button" name="help" value="h">?</button>
    <button name="decision" value="approve">Approve</button><button name="decision" value="deny">Deny</button>
  </form>
  <form action="search"><input type="submit" name="go" value="Go"></form></body></html>`;

test('a form is read as a browser would submit it', () => {
  const [form, search] = readForms(page);
  assert.ok(form !== undefined && search !== undefined);
  assert.deepEqual([form.method, form.action], ['POST', '/connect/abc?x=1&y=2']);
  assert.deepEqual(form.fields.map(({ name, value }) => [name, value]), [['csrf', 'a"b'], ['api_key', ''], ['on', 'on'], ['note', 'two\nlines'], ['region', 'eu']]);
  assert.deepEqual(form.fields.at(-1)?.choices, [{ value: 'us', text: 'US' }, { value: 'eu', text: 'EU ☃' }]);
  assert.deepEqual(form.buttons.map(({ name, value }) => `${name}=${value}`), ['decision=approve', 'decision=deny']);
  assert.deepEqual([search.method, search.action, search.fields.length, search.buttons.length], ['GET', 'search', 0, 1]);
  assert.equal(readForms(page).length, 2);
});

test('the text is what a reader sees', () => {
  assert.match(readText(page), /^Connect & go Key US EU ☃ two lines \? Approve Deny$/);
});
