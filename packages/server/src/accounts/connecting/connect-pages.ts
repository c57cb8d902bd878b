/**
 * The hosted connect pages as HTML: the form, progress, result and errors. No script; progress comes by reloading. All
 * text from outside goes through the escaping tag.
 */
import type { ConnectField } from '@evenkeel/contract/manifest/value.ts';
import { html, type Html } from '../../http/html.ts';
import type { JsonObject } from '../account-store.ts';

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly body: Html;
  /** Seconds after which the page loads itself again. */
  readonly reloadS?: number;
}

export function renderPage({ title, body, reloadS }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
${reloadS !== undefined && html`<meta http-equiv="refresh" content="${reloadS}">`}
<title>${title}</title>
<link rel="stylesheet" href="/assets/page.css">
</head>
<body>
<main class="narrow">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}

export interface FormView {
  readonly vendor: string;
  readonly action: string;
  readonly fields: readonly ConnectField[];
  readonly values: JsonObject;
  readonly faults: ReadonlyMap<string, string>;
  readonly notice: string | null;
  /** The consent of the owner is given at the vendor, after this page. */
  readonly leavesForVendor: boolean;
  readonly reauthorises: boolean;
}

export function formPage(view: FormView): Page {
  const { vendor, fields, faults, notice } = view;
  const lead = view.leavesForVendor ? `You will be asked at ${vendor} to allow access.` : fields.length === 0 ? `Nothing needs to be entered for ${vendor}.` : `Enter the access data of your ${vendor} account. They are stored encrypted and never shown again.`;
  return {
    status: faults.size > 0 ? 422 : 200,
    title: view.reauthorises ? `Connect ${vendor} again` : `Connect ${vendor}`,
    body: html`
${notice !== null && html`<div class="notice bad" role="alert"><strong>It did not work.</strong> ${notice}</div>`}
${faults.size > 0 && html`<div class="notice bad" role="alert"><strong>Please correct:</strong><ul>${[...faults].map(([name, fault]) => html`<li><a href="#${name}">${fault}</a></li>`)}</ul></div>`}
<p>${lead}</p>
<form method="post" action="${view.action}" autocomplete="off" class="card">
${fields.map((field) => fieldRow(field, view.values[field.name], faults.get(field.name)))}
<button type="submit" class="primary">${view.leavesForVendor ? `Continue to ${vendor}` : 'Connect'}</button>
</form>`,
  };
}

function fieldRow(field: ConnectField, value: unknown, fault: string | undefined): Html {
  const described = [field.help === undefined ? '' : `${field.name}-help`, fault === undefined ? '' : `${field.name}-fault`].filter((id) => id !== '').join(' ');
  return html`<div class="field">
<label for="${field.name}">${field.label}${field.required === false && html` <span class="quiet">(optional)</span>`}</label>
${control(field, value, fault !== undefined, described)}
${field.help !== undefined && html`<span class="help" id="${field.name}-help">${field.help}</span>`}
${fault !== undefined && html`<span class="error" id="${field.name}-fault">${fault}</span>`}
</div>`;
}

/** A secret is never written into the page, not even the one just entered. */
function control(field: ConnectField, value: unknown, invalid: boolean, described: string): Html {
  const shown = field.secret === true ? '' : typeof value === 'string' ? value : (field.default ?? '');
  const common = html`id="${field.name}" name="${field.name}"${field.required !== false && html` required`}${invalid && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}`;
  const hint = field.placeholder === undefined ? false : html` placeholder="${field.placeholder}"`;
  if (field.type === 'select' || field.options !== undefined) {
    return html`<select ${common}>${(field.options ?? []).map((option) => html`<option value="${option.value}"${option.value === shown && html` selected`}>${option.label}</option>`)}</select>`;
  }
  if (field.type === 'textarea') return html`<textarea ${common}${hint} rows="6" spellcheck="false">${shown}</textarea>`;
  const type = field.secret === true || field.type === 'password' ? 'password' : 'text';
  return html`<input type="${type}" ${common}${hint}${field.pattern !== undefined && html` pattern="${field.pattern}" title="${field.help ?? field.label}"`} value="${shown}" autocomplete="off" spellcheck="false" autocapitalize="none">`;
}

export function progressPage(vendor: string): Page {
  return { status: 200, title: `Connecting ${vendor}`, reloadS: 1, body: html`<p role="status" class="state-connecting">The connection is being checked and set up.</p><p class="quiet">This page renews itself. You may also close it: the set-up goes on.</p>` };
}

export function connectedPage(vendor: string, label: string | null, returnUrl: string | null): Page {
  return {
    status: 200,
    title: `${vendor} is connected`,
    body: html`<div class="notice good" role="status">The connection works${label !== null && html`: <strong>${label}</strong>`}.</div>
${returnUrl === null ? html`<p>You may close this page.</p>` : html`<p><a class="button" href="${returnUrl}">Continue</a></p>`}`,
  };
}

/** Credentials were taken and nothing could be called yet: the next use proves them. */
export function takenPage(vendor: string, returnUrl: string | null): Page {
  return {
    status: 200,
    title: `${vendor} is authorised again`,
    body: html`<div class="notice good" role="status">The new access data are stored and will be used from now on.</div>
${returnUrl === null ? html`<p>You may close this page.</p>` : html`<p><a class="button" href="${returnUrl}">Continue</a></p>`}`,
  };
}

export function retryPage(vendor: string, message: string | null, action: string): Page {
  return {
    status: 200,
    title: `${vendor} is connected, but not set up`,
    body: html`<div class="notice bad" role="alert">The sign-in worked. A step after it failed${message !== null && html`: ${message}`}</div>
<form method="post" action="${action}"><button type="submit" class="primary">Try again</button></form>`,
  };
}

/** What happened, and what to do. */
export function failurePage(status: number, title: string, happened: string, remedy: string, link?: { href: string; text: string }): Page {
  return { status, title, body: html`<div class="notice bad" role="alert">${happened}</div><p>${remedy}</p>${link !== undefined && html`<p><a class="button" href="${link.href}">${link.text}</a></p>`}` };
}

export const gonePages = {
  unknown: failurePage(404, 'This link is not valid', 'There is no connection waiting under this address.', 'Check that the whole link was copied, or ask whoever sent it for a new one.'),
  expired: failurePage(410, 'This link has expired', 'Connect links work for one day.', 'Ask whoever sent it for a new one.'),
  connectorGone: failurePage(409, 'This cannot be connected now', 'The connector this link was made for is not installed any more.', 'Tell whoever sent the link.'),
  deleted: failurePage(410, 'This connection was removed', 'The account this link belongs to has been deleted.', 'Ask whoever sent the link for a new one.'),
} as const;
