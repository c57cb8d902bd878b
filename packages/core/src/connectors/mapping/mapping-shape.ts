/** The fields of a unified model as the engine works with them, read off the model's JSON Schema. */
import type Type from 'typebox';

export type ScalarKind = 'text' | 'number' | 'integer' | 'flag' | 'moment' | 'day' | 'choice';
export interface ScalarShape {
  readonly kind: ScalarKind;
  readonly required: boolean;
  readonly readOnly: boolean;
  /** Of a choice. */
  readonly values: readonly string[];
}
export interface GroupShape {
  readonly kind: 'group' | 'groups';
  readonly required: boolean;
  readonly readOnly: boolean;
  readonly fields: ReadonlyMap<string, FieldShape>;
}
export interface TextsShape {
  readonly kind: 'texts';
  readonly required: boolean;
  readonly readOnly: boolean;
}
export type FieldShape = ScalarShape | GroupShape | TextsShape;

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly readOnly?: boolean;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Not fields of a vendor's record: they are made by the engine. */
const engineFields: ReadonlySet<string> = new Set(['custom_fields', 'remote_data']);
const shapes = new WeakMap<object, ReadonlyMap<string, FieldShape>>();

/** The fields that a mapping can name, by name. */
export function fieldsOf(model: Type.TObject): ReadonlyMap<string, FieldShape> {
  const known = shapes.get(model);
  if (known !== undefined) return known;
  const fields = fieldsIn(model);
  shapes.set(model, fields);
  return fields;
}

function fieldsIn(schema: Schema): ReadonlyMap<string, FieldShape> {
  return new Map(
    Object.entries(schema.properties ?? {})
      .filter(([name]) => !engineFields.has(name))
      .map(([name, field]) => [name, shapeOf(field)]),
  );
}

function shapeOf(schema: Schema): FieldShape {
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const common = { required: !types.includes('null'), readOnly: schema.readOnly === true };
  if (types.includes('array')) {
    return schema.items?.properties === undefined ? { kind: 'texts', ...common, required: false } : { kind: 'groups', ...common, required: false, fields: fieldsIn(schema.items) };
  }
  if (types.includes('object')) return { kind: 'group', ...common, fields: fieldsIn(schema) };
  const values = (schema.enum ?? []).filter((value) => typeof value === 'string');
  return { kind: scalarKind(types, schema), ...common, values };
}

function scalarKind(types: readonly string[], schema: Schema): ScalarKind {
  if (schema.enum !== undefined) return 'choice';
  if (schema.format === 'date-time') return 'moment';
  if (schema.format === 'date') return 'day';
  if (types.includes('number')) return 'number';
  if (types.includes('integer')) return 'integer';
  return types.includes('boolean') ? 'flag' : 'text';
}
