/** An example from a JSON Schema: the same for the same schema, valid, and as plain as it can be. */

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Of a schema whose type is object. */
export const exampleOf = (schema: object): Record<string, unknown> => objectExample(schema);

function objectExample({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => required.includes(name)).map(([name, one]) => [name, valueExample(one, name)]));
}

function valueExample(schema: Schema, name: string): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const branch = schema.anyOf?.[0];
  if (branch !== undefined) return valueExample(branch, name);
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0];
  switch (type) {
    case 'string':
      return schema.format === 'date-time' ? '2026-11-23T13:50:30.000Z' : (texts[name] ?? name);
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
      return objectExample(schema);
    default:
      return null;
  }
}

/** What fields with such a name usually hold. */
const texts: Readonly<Record<string, string>> = {
  tenant_id: 'acme',
  connector: 'crm-vendor',
  endpoint_id: 'ep_01kb0000000000000000000001',
  transition_id: 'trn_01kb0000000000000000000001',
  inbound_event_id: 'inb_01kb0000000000000000000001',
};
