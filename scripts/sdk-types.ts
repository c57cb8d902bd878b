/**
 * Renders packages/sdk/src/generated/contract.ts: the TypeScript types of the API, made from the TypeBox schemas of the
 * contract, so that the published client has the contract's types without depending on it.
 */
import { readdir } from 'node:fs/promises';

const contract = new URL('../packages/contract/src/', import.meta.url);

/** The part of JSON Schema that TypeBox produces for this contract. */
export interface Schema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
}

/** The whole text of the generated file. */
export async function sdkTypes(): Promise<string> {
  const schemas = await readSchemas();
  const names = new Map<string, string>();
  for (const [name, schema] of schemas) {
    if (isWorthAName(schema) && !names.has(identity(schema))) names.set(identity(schema), name);
  }
  const declarations = [...schemas].map(([name, schema]) => declare(name, schema, names));
  return `${['/** Types of the API, generated from the contract by npm run generate. Do not edit. */', ...declarations].join('\n\n')}\n`;
}

async function readSchemas(): Promise<Map<string, Schema>> {
  const api = (await readdir(new URL('api/', contract))).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const files = ['accounts.ts', 'errors.ts', ...api.sort().map((file) => `api/${file}`)];
  const schemas = new Map<string, Schema>();
  for (const file of files) {
    const exported = (await import(new URL(file, contract).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported)) {
      if (!isSchema(name, value)) continue;
      const known = schemas.get(name);
      if (known !== undefined && known !== value) throw new Error(`Two schemas of the contract are called ${name}; ${file} has the second. Rename one of them.`);
      schemas.set(name, value);
    }
  }
  return schemas;
}

function isSchema(name: string, value: unknown): value is Schema {
  // Path parameters are arguments of the client's methods, so their shapes interest nobody.
  return /^[A-Z]/.test(name) && !name.endsWith('Params') && typeof value === 'object' && value !== null && ['type', 'anyOf', 'oneOf', 'allOf', 'enum', 'const', '~kind'].some((key) => key in value);
}

function isWorthAName(schema: Schema): boolean {
  return schema.properties !== undefined || schema.enum !== undefined || schema.anyOf !== undefined || schema.oneOf !== undefined;
}

/** Schemas are the same when they are written the same; TypeBox copies a schema that is made optional. */
function identity(schema: Schema): string {
  return JSON.stringify(schema, (key, value: unknown) => (key === '$id' || key === 'default' ? undefined : value));
}

/** One schema under a name, as TypeScript; the schemas of `names` are referred to. */
export function declare(name: string, schema: Schema, names: Map<string, string>): string {
  const alias = names.get(identity(schema));
  const text = alias === undefined || alias === name ? typeText(schema, names, '', name) : alias;
  const isInterface = schema.properties !== undefined && text.startsWith('{');
  return `${comment(schema, '')}${isInterface ? `export interface ${name} ${text}` : `export type ${name} = ${text};`}`;
}

function typeText(schema: Schema, names: Map<string, string>, indent: string, declared?: string): string {
  const named = names.get(identity(schema));
  if (named !== undefined && named !== declared) return named;
  if ('const' in schema) return literal(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) return [...new Set(union.map((branch) => typeText(branch, names, indent)))].join(' | ');
  if (schema.allOf !== undefined) return schema.allOf.map((part) => parenthesise(typeText(part, names, indent))).join(' & ');
  if (typeof schema.type === 'object') return schema.type.map((type) => typeText({ ...schema, type }, names, indent)).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `${parenthesise(schema.items === undefined ? 'unknown' : typeText(schema.items, names, indent))}[]`;
    case 'object':
      return objectText(schema, names, indent);
    default:
      return 'unknown';
  }
}

function objectText(schema: Schema, names: Map<string, string>, indent: string): string {
  const values = Object.values(schema.patternProperties ?? {})[0] ?? schema.additionalProperties;
  if (schema.properties === undefined) {
    return `{ [key: string]: ${typeof values === 'object' ? typeText(values, names, indent) : 'unknown'} }`;
  }
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties).map(([key, property]) => {
    const optional = schema.required?.includes(key) ? '' : '?';
    const text = typeText(property, names, inner);
    return `${comment(property, inner)}${inner}${/^[A-Za-z_$][\w$]*$/.test(key) ? key : literal(key)}${optional}: ${text};`;
  });
  return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('\n')}\n${indent}}`;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'` : JSON.stringify(value);
}

function parenthesise(text: string): string {
  let depth = 0;
  for (const [at, character] of text.split('').entries()) {
    if (character === '{' || character === '(') depth += 1;
    if (character === '}' || character === ')') depth -= 1;
    if (depth === 0 && text.startsWith(' | ', at)) return `(${text})`;
  }
  return text;
}

function comment(schema: Schema, indent: string): string {
  return schema.description === undefined ? '' : `${indent}/** ${schema.description.replaceAll('*/', '*\\/')} */\n`;
}
