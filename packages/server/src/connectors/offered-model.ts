/** What a mapping offers of its model, in the shape of the API. */
import type { OfferedModel } from '@evenkeel/contract/api/unified.ts';
import type { CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';

export function offeredModel(mapping: CompiledMapping): OfferedModel {
  const { methods, source } = mapping;
  const writable = (method: 'create' | 'update'): string[] => {
    const serving = methods[method];
    return serving === undefined ? [] : [...mapping.writable].filter((name) => serving.fields === undefined || serving.fields.has(name));
  };
  return {
    methods: Object.keys(source.methods),
    lists: (methods.list ?? []).map(({ filters, sort }) => ({
      filters: [...filters.keys()],
      required_filters: [...filters.values()].filter(({ required }) => required).map(({ name }) => name),
      sort: [...sort.keys()],
    })),
    fields: Object.keys(source.fields),
    writable: { create: writable('create'), update: writable('update') },
    required: [...(methods.create?.required ?? [])],
    custom_fields: source.custom_fields !== undefined,
  };
}
