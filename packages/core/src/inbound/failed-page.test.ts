import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterFailedPage, type FailedPageAct, type ListState } from './failed-page.ts';

const cases: readonly [string, { passing?: boolean; status: number }, Partial<ListState>, FailedPageAct][] = [
  ['an outage is waited out, however long it is', { passing: true, status: 503 }, { failures: 100, hasCursor: true }, 'try_again'],
  ['a refusal is believed the third time', { status: 403 }, { failures: 1 }, 'try_again'],
  ['and then it is the end', { status: 403 }, { failures: 2 }, 'give_up'],
  ['a refusal that is not about the cursor does not begin the list anew', { status: 403 }, { failures: 2, hasCursor: true }, 'give_up'],
  ['a cursor that is gone begins it anew at once', { status: 410 }, { hasCursor: true }, 'start_over'],
  ['one that may be unknown does when the vendor stays with it', { status: 400 }, { failures: 1, hasCursor: true }, 'try_again'],
  ['the third time', { status: 400 }, { failures: 2, hasCursor: true }, 'start_over'],
  ['but not for ever', { status: 410 }, { restarts: 3, hasCursor: true }, 'give_up'],
  ['without a cursor there is nothing to begin anew', { status: 400 }, { failures: 2 }, 'give_up'],
];

for (const [name, page, state, act] of cases) {
  test(name, () => assert.equal(afterFailedPage({ passing: false, ...page }, { failures: 0, restarts: 0, hasCursor: false, ...state }), act));
}
