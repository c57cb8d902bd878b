/** The page that a problem's `type` points to: every error code with its meaning and its runbook. */
import { errorRegistry } from '@evenkeel/contract/errors.ts';
import { html } from './html.ts';
import { route, type Route } from './route.ts';

export function errorPageRoutes(): Route[] {
  const rows = Object.entries(errorRegistry).map(
    ([code, entry]) => html`<tr id="${code}">
      <td><code>${code}</code></td>
      <td>${entry.status}</td>
      <td>${entry.origin}</td>
      <td>${entry.retryable ? 'yes' : 'no'}</td>
      <td>${entry.explanation}</td>
    </tr>`,
  );
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Errors · Evenkeel</title>
        <link rel="stylesheet" href="/assets/page.css" />
      </head>
      <body>
        <main>
          <h1>Errors</h1>
          <p>Every error is an RFC 9457 problem with these codes. <em>Origin</em> says who has to act.</p>
          <div class="scroll">
            <table>
              <thead>
                <tr><th>Code</th><th>Status</th><th>Origin</th><th>Retry helps</th><th>Meaning</th></tr>
              </thead>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>
        </main>
      </body>
    </html>`;
  return [
    route({
      method: 'GET',
      path: '/docs/errors',
      summary: 'Every error code and what it means',
      tag: 'probes',
      access: 'open',
      audit: { none: 'reads only' },
      schema: { response: { 200: null } },
      handle: ({ reply }) => reply.type('text/html; charset=utf-8').header('content-security-policy', "default-src 'none'; style-src 'self'").send(page.text),
    }),
  ];
}
