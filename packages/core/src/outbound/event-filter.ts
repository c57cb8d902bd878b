/**
 * Which types of events an endpoint wants. A filter is a type, or a type in which `*` stands for any run of characters:
 * `*`, `crm.*`, `crm.contact.*`, `integrated_account:*`, `*.deleted`. The fan-out lets PostgreSQL compare.
 */

const filterText = /^[a-z0-9_.:*-]{1,100}$/;

/** What is wrong with a filter, or undefined. */
export function faultOfFilter(filter: string): string | undefined {
  if (!filterText.test(filter)) return `"${filter}" is no event type: write lower-case letters, digits, and . : _ - with * for any run of characters`;
  if (filter.includes('**')) return `"${filter}" has two * in a row; one says the same`;
  return undefined;
}

/** The filter as a pattern of SQL's LIKE, with its default escape character. */
export const likePatternOf = (filter: string): string => filter.replace(/[\\_%]/g, String.raw`\$&`).replaceAll('*', '%');
