/** A fault on one line, as editors and people read it: `file:path: message (suggestion)`. */
export function faultLine(file: string, fault: { readonly path: string; readonly message: string; readonly suggestion?: string; readonly severity?: string }): string {
  const place = fault.path === '' ? file : `${file}:${fault.path}`;
  const severity = fault.severity === 'warning' ? 'warning: ' : '';
  const suggestion = fault.suggestion === undefined ? '' : ` (did you mean "${fault.suggestion}"?)`;
  return `${place}: ${severity}${fault.message}${suggestion}`;
}
