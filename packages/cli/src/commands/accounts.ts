/** `evenkeel accounts …`: what is connected, and in which state. */
import { accountStates, type AccountState } from '@evenkeel/contract/accounts.ts';
import type { Account } from '@evenkeel/sdk/generated/contract.ts';
import { jsonOption, serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { printable, table } from '../table.ts';

export const accountsList: Command = {
  words: ['accounts', 'list'],
  summary: 'List the connected accounts.',
  operands: '',
  arity: [0, 0],
  options: {
    state: { type: 'string', value: '<state>', description: `Only accounts in this state: ${accountStates.join(', ')}.` },
    connector: { type: 'string', value: '<id>', description: 'Only accounts of this connector.' },
    tenant: { type: 'string', value: '<id>', description: 'Only accounts of this tenant.' },
    limit: { type: 'string', value: '<n>', description: 'At most this many; default all.' },
    ...jsonOption,
    ...serverOptions,
  },
  async run(invocation) {
    const { values, out, signal } = invocation;
    const limit = limitOf(values['limit']);
    const state = stateOf(values['state']);
    const connector = textOf(values['connector']);
    const tenant = textOf(values['tenant']);
    const query = { ...(state === undefined ? {} : { state }), ...(connector === undefined ? {} : { connector }), ...(tenant === undefined ? {} : { tenant_id: tenant }) };
    const accounts: Account[] = [];
    for await (const account of connect(invocation).accounts.list({ ...query, limit: Math.min(limit, 200) }, { signal })) {
      accounts.push(account);
      if (accounts.length >= limit) break;
    }
    if (values['json']) out.line(JSON.stringify(accounts, null, 2));
    else if (accounts.length === 0) out.note('No accounts match.');
    else out.line(table(['ID', 'TENANT', 'CONNECTOR', 'STATE', 'SINCE', 'LABEL'], accounts.map((one) => [one.id, one.tenant_id, one.connector, one.state, one.state_since, printable(one.label ?? '')])));
    return exitCodes.ok.code;
  },
};

export const accountsShow: Command = {
  words: ['accounts', 'show'],
  summary: 'Show one account and how it came to its state.',
  operands: '<account>',
  arity: [1, 1],
  options: { ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { positionals, values, out, signal } = invocation;
    const [id = ''] = positionals;
    const { accounts } = connect(invocation);
    const account = await accounts.get(id, { signal });
    const { results: transitions } = await accounts.transitions(id, { signal }).page();
    if (values['json']) {
      out.line(JSON.stringify({ ...account, transitions }, null, 2));
      return exitCodes.ok.code;
    }
    const { credential } = account;
    const facts = [
      ['account', account.id],
      ['tenant', account.tenant_id],
      ['connector', `${account.connector} (${account.scheme})`],
      ['label', account.label ?? '–'],
      ['state', `${account.state} since ${account.state_since}`],
      ['message', account.message ?? '–'],
      ['missing scopes', account.missing_scopes.join(', ') || '–'],
      ['credential', credential === null ? '–' : `version ${credential.version}, ends ${credential.expires_at ?? 'at an unknown time'}, ${credential.refresh_failures} failed refreshes in a row`],
      ['next refresh', credential?.refresh_due_at ?? '–'],
    ] as const;
    out.line(facts.map(([name, value]) => `${name.padEnd(16)}${printable(value)}`).join('\n'));
    if (transitions.length > 0) out.line(`\n${table(['AT', 'FROM', 'TO', 'CAUSE', 'ACTOR'], transitions.map((one) => [one.at, one.from ?? '–', one.to ?? '–', one.cause, printable(one.actor)]))}`);
    if (account.timeline.length > 0) out.line(`\n${table(['AT', 'CREDENTIAL', 'VERSION', 'TIMES', 'ACTOR', 'NEXT', 'MESSAGE'], account.timeline.map((one) => [one.at, one.outcome, String(one.version), String(one.attempts), printable(one.actor), one.next_due_at ?? '–', printable(one.message ?? '')]))}`);
    return exitCodes.ok.code;
  },
};

function stateOf(value: Invocation['values'][string]): AccountState | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const state = accountStates.find((one) => one === text);
  if (state === undefined) throw new UsageError(`--state must be one of ${accountStates.join(', ')}, not "${text}".`);
  return state;
}

function limitOf(value: Invocation['values'][string]): number {
  const text = textOf(value);
  if (text === undefined) return Number.MAX_SAFE_INTEGER;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--limit must be a whole number above 0, not "${text}".`);
  return Number(text);
}
