/** What a role reads: subject and text of an alert, with the figures behind it and where to look further. */
import type { AlertNotice } from './alertmanager.ts';

export interface RoleMessage {
  readonly subject: string;
  readonly text: string;
}

export interface ToldFinding {
  readonly rule: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

interface Suspect {
  readonly service: string;
  readonly version: string;
  readonly deployed_at: string;
  readonly explanation: string;
}

/** Of an alert with hundreds of findings the first say enough. */
const shownFindings = 20;

/** `publicUrl` without a trailing slash. Plain text, lines of the reader's own width. */
export function writeRoleMessage(role: string, notice: AlertNotice, findings: readonly ToldFinding[], publicUrl: string): RoleMessage {
  const over = notice.resolvedAt !== null;
  const actions = [...new Set(findings.flatMap(({ evidence }) => (Array.isArray(evidence['actions']) ? (evidence['actions'] as string[]) : [])))];
  const suspects = findings.flatMap(({ evidence }) => (Array.isArray(evidence['deployments']) ? (evidence['deployments'] as Suspect[]) : []));
  const lines = [
    over ? `This has ended: ${notice.title}.` : `${notice.title}.`,
    '',
    `Severity ${notice.severity}, since ${notice.openedAt}${over ? `, ended ${notice.resolvedAt}` : ''}.`,
    ...(notice.connector === null ? [] : [`Connector: ${notice.connector}.`]),
    ...(notice.origin === null ? [] : [`Whose fault: ${notice.origin}.`]),
    ...(notice.affected === 0 ? [] : [`Accounts met: ${notice.affected}.`]),
    ...(over || findings.length === 0 ? [] : ['', 'Figures:', ...findings.slice(0, shownFindings).map((one) => `- ${figuresOf(one)}`)]),
    ...(findings.length > shownFindings && !over ? [`- and ${findings.length - shownFindings} more`] : []),
    ...(over || suspects.length === 0 ? [] : ['', 'Deployments with which errors rose:', ...suspects.map((one) => `- ${one.service} ${one.version}, ${one.deployed_at}: ${one.explanation}`)]),
    ...(over || actions.length === 0 ? [] : ['', 'What to do now:', ...actions.map((action) => `- ${action}`)]),
    '',
    `Alert: ${publicUrl}/v1/alerts/${notice.id}`,
    ...(notice.runbook === null ? [] : [`Runbook: ${notice.runbook}`]),
    '',
    `You are told as ${role} (contacts.yaml of the playbook).`,
  ];
  return { subject: `[${over ? 'resolved' : notice.severity}] ${notice.title}`, text: `${lines.join('\n')}\n` };
}

function figuresOf({ rule, evidence }: ToldFinding): string {
  const { objective, scope, long, short, remaining_percent: remaining } = evidence as { objective?: string; scope?: string; long?: { bad: number; total: number }; short?: { bad: number; total: number }; remaining_percent?: string | null };
  if (objective === undefined) return rule;
  if (long !== undefined && short !== undefined) return `${objective}, ${scope}: ${long.bad} of ${long.total} bad in the long window, ${short.bad} of ${short.total} in the short one (${rule})`;
  return `${objective}, ${scope}: ${remaining ?? '?'} % of the budget was left when the mode began (${rule})`;
}
