/** Renders packages/sdk/src/generated/unified.ts: the unified models as TypeScript, with what each is listed by. */
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import { declare, type Schema } from './sdk-types.ts';

/** The whole text of the generated file. */
export function sdkUnifiedTypes(): string {
  const declarations: string[] = [];
  const table: string[] = [];
  for (const name of modelNames) {
    const model = modelNamed(name);
    if (model === undefined) continue;
    const type = typeName(name, (model.schema as { title?: string }).title ?? '');
    const schema: Schema = model.schema;
    const readOnly = Object.entries(schema.properties ?? {}).filter(([, property]) => 'readOnly' in property).map(([key]) => key);
    declarations.push(declare(type, schema, new Map()));
    table.push(`  '${name}': { record: ${type}; set_by_vendor: ${union(readOnly)}; filters: ${union(model.filters)}; sort: ${union(model.sort)} };`);
  }
  const models = `/** Every unified model: its record, the fields a caller cannot write, the filters and sortings that connectors may offer. */\nexport interface UnifiedModels {\n${table.join('\n')}\n}`;
  return `${['/** The unified models, generated from the contract by npm run generate. Do not edit. */', ...declarations, models].join('\n\n')}\n`;
}

/** `crm.contacts` titled "Contact" → `CrmContact`: two categories may have users. */
function typeName(model: string, title: string): string {
  const words = [model.split('.')[0] ?? '', ...title.split(' ')];
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

const union = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(' | ') || 'never';
