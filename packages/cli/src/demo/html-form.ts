/**
 * The forms of a page, read as a browser submits them. Enough of HTML for server-rendered forms (inputs, textareas,
 * selects, buttons); scripts are not run, and a page that needs them shows no form here.
 */

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export interface FormField {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  /** Of a select. */
  readonly choices: readonly Choice[];
}

export interface HtmlForm {
  readonly action: string;
  readonly method: 'GET' | 'POST';
  /** Fields that are submitted unless changed; unchecked boxes are left out. */
  readonly fields: readonly FormField[];
  /** Submit buttons that carry a value. */
  readonly buttons: readonly FormField[];
}

export function readForms(html: string): HtmlForm[] {
  return [...visible(html).matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head = '', body = '']) => {
    const attributes = readAttributes(head);
    const controls = [...readInputs(body), ...readTextareas(body), ...readSelects(body)];
    return {
      action: attributes.get('action') ?? '',
      method: attributes.get('method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      fields: controls.filter(({ type }) => type !== 'submit'),
      buttons: [...controls.filter(({ type }) => type === 'submit'), ...readButtons(body)],
    };
  });
}

/** The text a reader sees, on one line. */
export function readText(html: string): string {
  const page = visible(html);
  const body = /<body\b[^>]*>([\s\S]*)<\/body>/i.exec(page)?.[1] ?? page;
  return decode(body.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim();
}

/** The page without comments, scripts and styles. */
function visible(html: string): string {
  return html.replace(/<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?<\/\1>/gi, ' ');
}

function* readInputs(body: string): Generator<FormField> {
  for (const [, head = ''] of body.matchAll(/<input\b([^>]*)>/gi)) {
    const attributes = readAttributes(head);
    const name = attributes.get('name');
    const type = attributes.get('type')?.toLowerCase() ?? 'text';
    if (name === undefined || attributes.has('disabled')) continue;
    if ((type === 'checkbox' || type === 'radio') && !attributes.has('checked')) continue;
    yield { name, type, value: attributes.get('value') ?? (type === 'checkbox' ? 'on' : ''), choices: [] };
  }
}

function* readTextareas(body: string): Generator<FormField> {
  for (const [, head = '', content = ''] of body.matchAll(/<textarea\b([^>]*)>([\s\S]*?)<\/textarea>/gi)) {
    const name = readAttributes(head).get('name');
    if (name !== undefined) yield { name, type: 'textarea', value: decode(content).replace(/^\r?\n/, ''), choices: [] };
  }
}

function* readSelects(body: string): Generator<FormField> {
  for (const [, head = '', content = ''] of body.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/gi)) {
    const name = readAttributes(head).get('name');
    const options = [...content.matchAll(/<option\b([^>]*)>([^<]*)/gi)].map(([, option = '', text = '']) => {
      const attributes = readAttributes(option);
      return { value: attributes.get('value') ?? decode(text).trim(), text: decode(text).trim(), selected: attributes.has('selected') };
    });
    if (name === undefined) continue;
    yield { name, type: 'select', value: (options.find(({ selected }) => selected) ?? options[0])?.value ?? '', choices: options.map(({ value, text }) => ({ value, text })) };
  }
}

function* readButtons(body: string): Generator<FormField> {
  for (const [, head = ''] of body.matchAll(/<button\b([^>]*)>/gi)) {
    const attributes = readAttributes(head);
    const name = attributes.get('name');
    if (name !== undefined && (attributes.get('type') ?? 'submit') === 'submit') yield { name, type: 'submit', value: attributes.get('value') ?? '', choices: [] };
  }
}

function readAttributes(head: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = '', quoted, single, bare] of head.matchAll(/([^\s=/>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g)) {
    attributes.set(name.toLowerCase(), decode(quoted ?? single ?? bare ?? ''));
  }
  return attributes;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
    if (name !== undefined) return entities[name.toLowerCase()] ?? whole;
    return String.fromCodePoint(Number.parseInt(hex ?? decimal ?? '', hex === undefined ? 10 : 16));
  });
}
