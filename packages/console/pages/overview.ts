/**
 * The overview: accounts by state and the latest calls, read from the API with the visitor's own key. Runs in the
 * browser; the server strips the types and serves it as it is.
 */
import type { Account } from '@evenkeel/contract/api/accounts.ts';
import type { Call } from '@evenkeel/contract/api/calls.ts';

const states: readonly Account['state'][] = ['active', 'connecting', 'needs_reauth', 'validation_error', 'post_install_error'];
const stateNames: Record<Account['state'], string> = {
  active: 'Active',
  connecting: 'Connecting',
  needs_reauth: 'Needs re-auth',
  validation_error: 'Validation error',
  post_install_error: 'Post-install error',
};
const refreshMs = 5_000;
const keyName = 'evenkeel-key';

class KeyRefused extends Error {}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Reads one page of a list. A refused key throws KeyRefused. */
async function read<Item>(path: string, key: string): Promise<{ results: Item[]; next_cursor: string | null }> {
  const response = await fetch(path, { headers: { authorization: `Bearer ${key}` } });
  const body: unknown = await response.json();
  if (response.ok) return body as { results: Item[]; next_cursor: string | null };
  const detail = (body as { detail?: string }).detail ?? `${path} answered ${response.status}`;
  throw response.status === 401 || response.status === 403 ? new KeyRefused(detail) : new Error(detail);
}

async function readAllAccounts(key: string): Promise<{ accounts: Account[]; more: boolean }> {
  const accounts: Account[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < 10; page += 1) {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer: { results: Account[]; next_cursor: string | null } = await read<Account>(`/v1/accounts?limit=200${query}`, key);
    accounts.push(...answer.results);
    cursor = answer.next_cursor;
    if (cursor === null) return { accounts, more: false };
  }
  return { accounts, more: true };
}

/** A row of cells; a cell is text, or text with a class. Text is never HTML. */
function row(cells: readonly (string | readonly [text: string, className: string])[]): HTMLTableRowElement {
  const line = document.createElement('tr');
  for (const cell of cells) {
    const [text, className] = typeof cell === 'string' ? [cell, ''] : cell;
    const data = document.createElement('td');
    data.textContent = text;
    if (className !== '') data.className = className;
    line.append(data);
  }
  return line;
}

const emptyRow = (columns: number, text: string): HTMLTableRowElement => {
  const line = row([[text, 'quiet']]);
  line.cells[0]?.setAttribute('colspan', String(columns));
  return line;
};

function figure(label: string, value: string, className: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'figure';
  const number = document.createElement('b');
  number.textContent = value;
  const name = document.createElement('span');
  name.textContent = label;
  name.className = className;
  box.append(number, name);
  return box;
}

const time = (iso: string): string => new Date(iso).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });
const milliseconds = (microseconds: number): string => (microseconds / 1000).toFixed(1);

function showAccounts(accounts: readonly Account[], more: boolean): void {
  element('states').replaceChildren(
    ...states.map((state) => figure(stateNames[state], `${accounts.filter((account) => account.state === state).length}${more ? '+' : ''}`, `state-${state}`)),
  );
  const rank = new Map(states.toReversed().map((state, index) => [state, index]));
  const urgent = accounts.toSorted((a, b) => (rank.get(a.state) ?? 0) - (rank.get(b.state) ?? 0) || a.connector.localeCompare(b.connector));
  element('accounts').replaceChildren(
    ...(urgent.length === 0 ? [emptyRow(5, 'No account yet. POST /v1/connect-sessions makes the link that connects one.')] : []),
    ...urgent
      .slice(0, 100)
      .map((account) =>
        row([
          account.connector,
          account.tenant_id,
          account.label ?? account.external_id ?? account.id,
          [stateNames[account.state] + (account.message === null ? '' : `: ${account.message}`), `state-${account.state}`],
          [time(account.state_since), 'line'],
        ]),
      ),
  );
}

function showCalls(calls: readonly Call[], accounts: readonly Account[]): void {
  const labels = new Map(accounts.map((account) => [account.id, account.label ?? account.connector]));
  element('calls').replaceChildren(
    ...(calls.length === 0 ? [emptyRow(7, 'No call kept yet.')] : []),
    ...calls.map((call) =>
      row([
        [time(call.at), 'line'],
        call.account_id === null ? '–' : (labels.get(call.account_id) ?? call.account_id),
        `${call.connector ?? ''} ${call.method} ${call.resource ?? ''}`.trim(),
        [String(call.status), 'number'],
        call.origin === null ? [call.outcome, 'quiet'] : [`${call.origin}: ${call.code ?? ''}`, `origin-${call.origin}`],
        [milliseconds(call.upstream_us), 'number'],
        [milliseconds(call.overhead_us), 'number'],
      ]),
    ),
  );
}

function showFault(text: string | null): void {
  const fault = element('fault');
  fault.hidden = text === null;
  fault.textContent = text ?? '';
}

function showEntry(show: boolean): void {
  element('enter').hidden = !show;
  element('overview').hidden = show;
  element('leave').hidden = show;
}

async function update(key: string): Promise<void> {
  try {
    const [{ accounts, more }, calls] = await Promise.all([readAllAccounts(key), read<Call>('/v1/calls?limit=25', key)]);
    showAccounts(accounts, more);
    showCalls(calls.results, accounts);
    element('updated').textContent = `as of ${new Date().toLocaleTimeString()}`;
    showFault(null);
    showEntry(false);
  } catch (error) {
    if (error instanceof KeyRefused) {
      sessionStorage.removeItem(keyName);
      showEntry(true);
    }
    showFault(error instanceof Error ? error.message : String(error));
  }
}

async function keepUpdating(): Promise<void> {
  const key = sessionStorage.getItem(keyName);
  if (key === null) return;
  if (document.visibilityState === 'visible') await update(key);
  setTimeout(() => void keepUpdating(), refreshMs);
}

element('enter').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = element('key') as HTMLInputElement;
  sessionStorage.setItem(keyName, input.value.trim());
  input.value = '';
  void keepUpdating();
});
element('leave').addEventListener('click', (event) => {
  event.preventDefault();
  sessionStorage.removeItem(keyName);
  location.reload();
});

if (sessionStorage.getItem(keyName) === null) showEntry(true);
else void keepUpdating();
