/** A sample of contract language for configured terms, in Markdown. A starting point for a lawyer, not legal advice. */
import type { AgreementDefinition } from './agreement.ts';
import { moneyText } from './statement.ts';
import { percentOf } from './share.ts';

export function contractText(agreement: AgreementDefinition): string {
  const { downtime, tiers } = agreement;
  const whose = downtime.errors === 'platform' ? 'for which the Service itself is responsible' : 'whether the Service or a third party is responsible';
  return `# Service availability: ${agreement.title}

Sample wording made from configured terms. Have a lawyer adapt it before anyone signs it.

## 1. Promise

In every calendar month, from ${agreement.starts}${agreement.ends === null ? ' on' : ` to ${agreement.ends}`}, the Service is up for at least ${percentOf(agreement.target)} % of the time. Months begin and end at midnight in the time zone ${agreement.timeZone}.

## 2. How uptime is measured

2.1 The month is divided into minutes of the clock. A minute is bad when more than ${percentOf(downtime.above)} % of the Customer's requests answered in it end in a server error (HTTP status 500 to 599) ${whose}. A minute without a request is not bad.

2.2 Downtime is every minute of a run of ${downtime.consecutiveMinutes} or more bad minutes in a row. A run that crosses the end of a month is judged as a whole; each month is charged with its own minutes.

2.3 ${downtime.unmeasured === 'downtime' ? 'A minute in which the Provider cannot show that the Service was running counts as bad.' : 'A minute in which the Provider cannot show that the Service was running is left out of the month\'s total and is listed in the statement. It never counts as up.'}

2.4 Uptime is the number of minutes of the month that are not downtime, divided by the number of minutes of the month. It is computed in whole minutes and compared without rounding.

## 3. What is not counted

${exclusionText(agreement)}
Minutes are taken out after a run has been found to be downtime, and only those that lie wholly within the excluded time. For each exclusion the Provider records the clause, the evidence (requests, times and the third party's answers, where they matter) and the person who approved it, and shows them to the Customer on request.

## 4. Credits

${tiers.length === 0 ? 'No credits are agreed.' : `| Uptime of the month | Credit, of the monthly fee |\n|---|---|\n${tiers.map(({ below, credit }, index) => `| ${index === tiers.length - 1 ? `less than ${percentOf(below)} %` : `at least ${percentOf(tiers[index + 1]?.below ?? 0n)} %, less than ${percentOf(below)} %`} | ${percentOf(credit)} % |`).join('\n')}`}

The monthly fee is ${moneyText(agreement.feeMinor, agreement.currency)}. A credit is at most ${percentOf(agreement.cap)} % of it, and a fraction of the smallest unit of the currency is rounded up. Credits are set off against the next invoice.

## 5. Statement

After each month the Provider gives the Customer a statement that lists every run of downtime, the exclusions and the computation. Facts that become known later lead to a new revision of the statement; earlier revisions stay available.
`;
}

function exclusionText({ clauses, noticeHours }: AgreementDefinition): string {
  const texts = {
    maintenance: `maintenance that the Provider announced at least ${noticeHours} hours (elapsed time) before it began, within the announced time`,
    upstream: 'a failure of a third-party system that the Customer has connected, which the Provider passed on unchanged',
    customer: 'a cause within the Customer\'s control, such as a withdrawn authorisation, a wrong configuration or use beyond agreed limits',
    force_majeure: 'an event beyond reasonable control that could not have been prevented with due care',
  } as const;
  if (clauses.length === 0) return 'Nothing is excluded.\n';
  return `Downtime is not counted while it is due to:\n\n${clauses.map((clause, index) => `${index + 1}. ${texts[clause]}${index === clauses.length - 1 ? '.' : ';'}`).join('\n')}\n`;
}
