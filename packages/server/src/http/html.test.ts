import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { escapeHtml, html } from './html.ts';

describe('html', () => {
  it('escapes text, keeps its own HTML, joins lists, drops nothing else', () => {
    const item = (text: string) => html`<li>${text}</li>`;
    assert.equal(html`<ul title="${'a"b'}">${[item('<x>'), item('&')]}${null}${false}${0}</ul>`.text, '<ul title="a&quot;b"><li>&lt;x&gt;</li><li>&amp;</li>0</ul>');
  });

  it('lets no markup through, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[<>"']/.test(escapeHtml(text))));
  });
});
