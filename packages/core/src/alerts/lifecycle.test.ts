import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { idle, nextState, type AlertState, type Change, type Verdict } from './lifecycle.ts';

const rule = { fireAfter: 2, resolveAfter: 3 };
const letters: Record<string, Verdict> = { b: 'bad', e: 'elevated', g: 'good', u: 'unmeasured' };

function live(verdicts: string): { state: AlertState; changes: string } {
  let state: AlertState = idle;
  let changes = '';
  for (const [at, letter] of verdicts.split('').entries()) {
    const step = nextState(state, letters[letter] ?? 'good', at, rule);
    state = step.state;
    changes += ({ none: '.', fired: 'F', resolved: 'R' } satisfies Record<Change, string>)[step.change];
  }
  return { state, changes };
}

describe('the life of an alert', () => {
  it('fires at the second verdict in a row and resolves at the third good one', () => {
    assert.equal(live('gbgbbbgggg').changes, '....F...R.');
    assert.equal(live('bgbgbg').changes, '......');
  });

  it('goes on through what is elevated or cannot be measured', () => {
    assert.equal(live('bbuuuuuu').state.kind, 'firing');
    assert.equal(live('bbggeggegg').changes, '.F........');
    assert.equal(live('bub').changes, '..F');
    assert.equal(live('beb').changes, '...');
  });

  it('fires and resolves in turn, whatever comes', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[begu]{0,60}$/), (verdicts) => {
        const changes = live(verdicts).changes.replaceAll('.', '');
        assert.match(changes, /^(FR)*F?$/);
      }),
    );
  });
});
