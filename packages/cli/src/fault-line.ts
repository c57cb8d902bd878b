/** Faults of files as text. */
import { printable } from './table.ts';

/** A fault on one line, as editors and people read it: `file:path: message (suggestion)`. What a file holds does not steer the terminal. */
export function faultLine(file: string, fault: { readonly path: string; readonly message: string; readonly suggestion?: string; readonly severity?: string }): string {
  const place = fault.path === '' ? file : `${file}:${fault.path}`;
  const severity = fault.severity === 'warning' ? 'warning: ' : '';
  const suggestion = fault.suggestion === undefined ? '' : ` (did you mean "${fault.suggestion}"?)`;
  return printable(`${place}: ${severity}${fault.message}${suggestion}`);
}
