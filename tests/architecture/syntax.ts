/** Walks a parsed module: every node with its parent, and the names a module binds itself. */
import { visitorKeys, type Node, type Program } from 'oxc-parser';

type Visit = (node: Node, parent: Node | undefined, key: string) => void;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Depth first, in source order. */
export function walk(program: Program, visit: Visit): void {
  const step = (node: Node, parent: Node | undefined, key: string): void => {
    visit(node, parent, key);
    const fields = new Map<string, unknown>(Object.entries(node));
    for (const name of visitorKeys[node.type] ?? []) {
      const value = fields.get(name);
      if (Array.isArray(value)) {
        for (const child of value as unknown[]) if (isNode(child)) step(child, node, name);
      } else if (isNode(value)) step(value, node, name);
    }
  };
  step(program, undefined, '');
}

/** True where an identifier reads a variable, and is not a property name, a binding or a type. */
export function isReference(node: Node, parent: Node | undefined, key: string): boolean {
  if (node.type !== 'Identifier' || parent === undefined) return false;
  if (parent.type.startsWith('TS') && parent.type !== 'TSAsExpression' && parent.type !== 'TSNonNullExpression' && parent.type !== 'TSSatisfiesExpression') return false;
  if (parent.type === 'MemberExpression' && key === 'property') return parent.computed;
  if (parent.type === 'Property' && key === 'key') return parent.computed || parent.shorthand;
  if ((parent.type === 'MethodDefinition' || parent.type === 'PropertyDefinition') && key === 'key') return parent.computed;
  return !parent.type.startsWith('Import') && !parent.type.startsWith('Export');
}

/** Names bound anywhere in the module: imports, declarations, parameters, destructuring. */
export function boundNames(program: Program): Set<string> {
  const names = new Set<string>();
  walk(program, (node, parent, key) => {
    if (node.type === 'ObjectPattern') {
      for (const property of node.properties) if (property.type === 'Property' && property.value.type === 'Identifier') names.add(property.value.name);
    }
    if (node.type !== 'Identifier' || parent === undefined) return;
    const binds =
      (key === 'id' && (parent.type === 'VariableDeclarator' || parent.type === 'FunctionDeclaration' || parent.type === 'ClassDeclaration')) ||
      key === 'params' ||
      key === 'param' ||
      key === 'local' ||
      parent.type === 'RestElement' ||
      parent.type === 'ArrayPattern' ||
      (parent.type === 'AssignmentPattern' && key === 'left');
    if (binds) names.add(node.name);
  });
  return names;
}
