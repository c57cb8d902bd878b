/** Two values compared as JSON, every difference with its place. */

export interface Difference {
  /** `exchanges[0].request.query.limit`, `answer.body.results[2].id`. */
  readonly at: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** `subset`: members the expectation does not name may be there. */
export interface Comparison {
  readonly subset: boolean;
}

const most = 50;
/** In an expectation: anything but null and absent. */
const anything = '*';

export function differences(at: string, expected: unknown, actual: unknown, comparison: Comparison = { subset: false }): Difference[] {
  const found: Difference[] = [];
  compare(at, expected, actual, comparison, found);
  return found;
}

function compare(at: string, expected: unknown, actual: unknown, comparison: Comparison, found: Difference[]): void {
  if (found.length >= most || expected === actual) return;
  if (expected === anything && actual !== undefined && actual !== null) return;
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) compare(`${at}[${index}]`, expected[index], actual[index], comparison, found);
    return;
  }
  if (!isRecord(expected) || !isRecord(actual)) {
    found.push({ at, expected, actual });
    return;
  }
  for (const [key, value] of Object.entries(expected)) compare(`${at}.${key}`, value, Object.hasOwn(actual, key) ? actual[key] : undefined, comparison, found);
  if (comparison.subset) return;
  for (const [key, value] of Object.entries(actual)) if (!Object.hasOwn(expected, key) && value !== undefined) compare(`${at}.${key}`, undefined, value, comparison, found);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
