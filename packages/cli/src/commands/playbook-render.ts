/** `evenkeel playbook render`: the playbook as a document: objectives and policy for engineers, sample contracts for sales and legal. */
import type { Agreement } from '@evenkeel/contract/playbook/agreements.ts';
import { policyModes } from '@evenkeel/contract/playbook/budget-policy.ts';
import { defineAgreement } from '@evenkeel/core/objectives/agreement.ts';
import { contractText } from '@evenkeel/core/objectives/contract-text.ts';
import { defineObjectives, definePolicy, writeMinutes } from '@evenkeel/core/objectives/definition.ts';
import { decimalText, percentOf } from '@evenkeel/core/objectives/share.ts';
import type { Playbook } from '@evenkeel/server/playbook/playbook.ts';
import { serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { openPlaybook, playbookOption } from './playbook.ts';

export const playbookRender: Command = {
  words: ['playbook', 'render'],
  summary: 'The playbook as Markdown: objectives and policy, or the sample contract of an agreement or of terms.',
  operands: '[agreement|terms]',
  arity: [0, 1],
  options: { ...playbookOption, ...serverOptions },
  details: ['Without a name: objectives, alerts and policy. With the name of an agreement or of terms: sample contract wording', 'made from them, for a lawyer to adapt. An agreement that the playbook does not have is asked for at the server, where', 'EVENKEEL_API_KEY or --api-key is set.'],
  async run(invocation) {
    const { positionals, out } = invocation;
    const playbook = await openPlaybook(invocation);
    const [name] = positionals;
    out.line(name === undefined ? overview(playbook) : contractText(defineAgreement(await agreementNamed(invocation, playbook, name), playbook.agreements.terms)));
    return exitCodes.ok.code;
  },
};

/** An agreement of the playbook or the server, or an example of one with the terms of that name. */
async function agreementNamed(invocation: Invocation, { agreements: { agreements, terms } }: Playbook, name: string): Promise<Agreement> {
  const found = agreements.find(({ id }) => id === name) ?? (Object.hasOwn(terms, name) ? undefined : await agreementOfServer(invocation, name));
  if (found !== undefined) {
    if (!Object.hasOwn(terms, found.terms)) throw new UsageError(`the agreement "${name}" has the terms "${found.terms}", which this playbook does not have; name the server's with --playbook.`);
    return found;
  }
  if (!Object.hasOwn(terms, name)) throw new UsageError(`there is neither an agreement nor are there terms called "${name}"; agreements: ${agreements.map(({ id }) => id).join(', ') || 'none'}; terms: ${Object.keys(terms).join(', ')}.`);
  return { id: 'example', tenant_id: 'example', terms: name, time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' };
}

async function agreementOfServer(invocation: Invocation, name: string): Promise<Agreement | undefined> {
  if (textOf(invocation.values['api-key']) === undefined && textOf(invocation.environment['EVENKEEL_API_KEY']) === undefined) return undefined;
  const { results } = await connect(invocation).objectives.agreements({}, { signal: invocation.signal });
  return results.find(({ id }) => id === name);
}

function overview(playbook: Playbook): string {
  const policy = definePolicy(playbook.budgetPolicy);
  const objectives = defineObjectives(playbook.objectives, policy).map(({ id, title, target, window, method, scopes }) => {
    const span = window.kind === 'rolling' ? `${window.days} days, rolling` : `the ${window.unit}, in ${window.timeZone}`;
    return `| ${id} | ${title} | ${percentOf(target)} % | ${span} | ${method === 'events' ? 'events' : 'minutes'} | ${scopes.join(', ')} |`;
  });
  const { caution, restricted, critical } = policy.edges;
  const ranges = { normal: `more than ${percentOf(caution)} %`, caution: `${percentOf(restricted)} to ${percentOf(caution)} %`, restricted: `${percentOf(critical)} to less than ${percentOf(restricted)} %`, critical: `less than ${percentOf(critical)} %`, exhausted: 'nothing' } as const;
  const modes = policyModes.map((mode) => {
    const { freeze, notify, incident, actions } = policy.modes[mode];
    return `| ${mode} | ${ranges[mode]} | ${freeze.replaceAll('_', ' ')} | ${[...notify, ...(incident === undefined ? [] : [`${incident} incident`])].join(', ') || '–'} | ${actions.join(' ')} |`;
  });
  const tiers = policy.tiers.map(({ id, factor, longMinutes, shortMinutes, severity, notify }) => `| ${id} | > ${decimalText((factor.num * 1_000_000n) / factor.den, 6)}× | ${writeMinutes(longMinutes)} and ${writeMinutes(shortMinutes)} | ${severity} | ${notify.join(', ')} |`);
  return [
    '# Objectives\n',
    '| Objective | What | Target | Window | Counted in | Kept by |\n|---|---|---|---|---|---|',
    ...objectives,
    '\n# Burn-rate alerts\n',
    '| Alert | Burn rate | Over | Severity | Told |\n|---|---|---|---|---|',
    ...tiers,
    '\n# What follows from the budget\n',
    '| Mode | Of the budget remains | Deployments frozen | Told | Then |\n|---|---|---|---|---|',
    ...modes,
    `\nA mode is left towards a better one only ${percentOf(policy.hysteresis)} points above its edge.`,
  ].join('\n');
}
