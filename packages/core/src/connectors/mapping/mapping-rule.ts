/** One field's rule with its short form unfolded, and the conversions of single values both ways. */
import type { FieldMapping, FieldRule } from '@evenkeel/contract/manifest/mapping.ts';
import { MappingFailure } from './mapping-failure.ts';
import type { ScalarShape } from './mapping-shape.ts';
import { toScalar, writeTime, type Scalar } from './mapping-value.ts';
import { show } from '../lint/shape.ts';

export function ruleOf(mapping: FieldMapping): FieldRule {
  return typeof mapping === 'string' ? { path: mapping } : mapping;
}

/** Where the field is written; undefined when it is read only. */
export function writePathOf(rule: FieldRule): string | undefined {
  return rule.write ?? rule.path;
}

/** The vendor's value → the model's, by the rule's conversions and the field's type. */
export function readConversion(rule: FieldRule, shape: ScalarShape, path: string): (value: unknown) => Scalar {
  const plain = (value: unknown): Scalar => toScalar(shape, value, path);
  const { divide } = rule;
  let convert = plain;
  if (divide !== undefined) {
    convert = (value) => {
      const number = toScalar({ ...shape, kind: 'number' }, value, path);
      return typeof number === 'number' ? plain(rounded(number / divide)) : number;
    };
  }
  if (rule.enum !== undefined) convert = readEnum(rule, rule.enum, shape, path);
  const empty = rule.empty === undefined ? undefined : new Set<unknown>(rule.empty);
  if (empty === undefined) return convert;
  const full = convert;
  return (value) => (empty.has(value) ? null : full(value));
}

/** A flag's names are "true" and "false". */
function readEnum(rule: FieldRule, table: NonNullable<FieldRule['enum']>, shape: ScalarShape, path: string): (value: unknown) => Scalar {
  const unified = new Map<unknown, string>();
  for (const [name, written] of Object.entries(table)) for (const value of Array.isArray(written) ? (written as readonly unknown[]) : [written]) if (!unified.has(value)) unified.set(value, name);
  const { otherwise } = rule;
  return (value) => {
    const known = unified.get(value) ?? (typeof value === 'number' || typeof value === 'boolean' ? unified.get(String(value)) : undefined);
    if (known !== undefined) return shape.kind === 'flag' ? known === 'true' : known;
    if (value === undefined || value === null || value === '') return null;
    if (otherwise !== undefined && typeof value !== 'object') return otherwise;
    throw new MappingFailure(path, `has the value ${show(value)}, which the mapping's enum does not name`);
  };
}

/** The model's value → the vendor's. The value has the model's type or is null. */
export function writeConversion(rule: FieldRule, shape: ScalarShape): (value: Scalar) => unknown {
  return (value) => {
    if (value === null) return null;
    if (rule.enum !== undefined) return firstOf(rule.enum[String(value)]);
    if (typeof value === 'string' && (shape.kind === 'moment' || shape.kind === 'day')) return writeTime(value, rule.date ?? (shape.kind === 'day' ? 'date' : 'iso'));
    const scaled = typeof value === 'number' && rule.divide !== undefined ? rounded(value * rule.divide) : value;
    if (rule.as === 'text') return String(scaled);
    if (rule.as === 'number' && typeof scaled === 'string' && scaled.trim() !== '') {
      const number = Number(scaled);
      return Number.isFinite(number) ? number : scaled;
    }
    return scaled;
  };
}

/** Every vendor's value behind a unified one, for filters. */
export function writtenValues(rule: FieldRule, value: Scalar, convert: (value: Scalar) => unknown): unknown[] {
  const named = rule.enum === undefined || value === null ? undefined : rule.enum[String(value)];
  return Array.isArray(named) ? [...(named as readonly unknown[])] : [convert(value)];
}

export const firstOf = (written: unknown): unknown => (Array.isArray(written) ? (written as readonly unknown[])[0] : written);

/** Free of the last digits that binary fractions leave: 1999 / 100 is 19.99. */
const rounded = (number: number): number => Number(number.toPrecision(15));
