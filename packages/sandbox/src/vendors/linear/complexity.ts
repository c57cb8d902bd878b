/** Linear's price of a query: 0.1 a property, 1 an object, a connection times its page size (50 unless stated). */
import { Kind, type DocumentNode, type FieldNode, type SelectionSetNode } from 'graphql';
import type { JsonObject } from '../../json.ts';

function pageSize(field: FieldNode, variables: JsonObject): number {
  const argument = field.arguments?.find((one) => one.name.value === 'first' || one.name.value === 'last')?.value;
  if (argument?.kind === Kind.INT) return Number(argument.value);
  const value = argument?.kind === Kind.VARIABLE ? variables[argument.name.value] : undefined;
  return typeof value === 'number' ? value : 50;
}

function price(set: SelectionSetNode, fragments: ReadonlyMap<string, SelectionSetNode>, variables: JsonObject, depth: number): number {
  if (depth > 20) return 10_001;
  let total = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const fragment = fragments.get(selection.name.value);
      if (fragment !== undefined) total += price(fragment, fragments, variables, depth + 1);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) total += price(selection.selectionSet, fragments, variables, depth + 1);
    else if (selection.selectionSet === undefined) total += 0.1;
    else {
      const isConnection = selection.selectionSet.selections.some((one) => one.kind === Kind.FIELD && (one.name.value === 'nodes' || one.name.value === 'edges'));
      total += 1 + price(selection.selectionSet, fragments, variables, depth + 1) * (isConnection ? pageSize(selection, variables) : 1);
    }
  }
  return total;
}

/** Whole points, rounded up. */
export function complexityOf(document: DocumentNode, variables: JsonObject): number {
  const fragments = new Map<string, SelectionSetNode>();
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet);
  let total = 0;
  for (const definition of document.definitions) if (definition.kind === Kind.OPERATION_DEFINITION) total += price(definition.selectionSet, fragments, variables, 0);
  return Math.ceil(total);
}
