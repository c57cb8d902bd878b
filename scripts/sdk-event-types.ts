/** Renders packages/sdk/src/generated/events.ts: every event that is sent out, as a union that its type tells apart. */
import { eventCatalogue } from '@evenkeel/contract/event-catalogue.ts';
import { UnifiedEventData } from '@evenkeel/contract/unified/events.ts';
import { declare, type Schema } from './sdk-types.ts';

/** The whole text of the generated file. */
export function sdkEventTypes(): string {
  const schemas = new Map(eventCatalogue.map(({ schemaName, schema }) => [schemaName, schema as Schema]));
  const declarations = [...schemas].map(([name, schema]) => declare(name, schema, new Map()));
  const table = eventCatalogue.map(({ type, description, schema, schemaName, example }) => {
    const data = schema === UnifiedEventData ? unifiedData(example as { model: string; change: string }) : schemaName;
    return `  /** ${description} */\n  '${type}': ${data};`;
  });
  return `${['/** The events that are sent out, generated from the contract by npm run generate. Do not edit. */', `import type { UnifiedModels } from './unified.ts';`, ...declarations, unifiedOf, `/** Type of event → its data. */\nexport interface WebhookEvents {\n${table.join('\n')}\n}`, envelope].join('\n\n')}\n`;
}

const unifiedData = ({ model, change }: { model: string; change: string }): string => `UnifiedEventDataOf<'${model}', '${change}'>`;

const unifiedOf = `/** The payload of one model's events. */
export type UnifiedEventDataOf<Model extends keyof UnifiedModels, Change extends UnifiedEventData['change']> = Omit<UnifiedEventData, 'model' | 'change' | 'record'> & {
  model: Model;
  change: Change;
  record: Change extends 'deleted' ? null : UnifiedModels[Model]['record'] | null;
};`;

const envelope = `export type WebhookEventType = keyof WebhookEvents;

/** What a receiver gets: \`type\` says which payload \`data\` is. Types may be added: let those you do not know pass. */
export type WebhookEvent = {
  [Type in WebhookEventType]: {
    /** evt_…, the header webhook-id: the same for every attempt. */
    id: string;
    type: Type;
    tenant_id: string | null;
    account_id: string | null;
    timestamp: string;
    data: WebhookEvents[Type];
  };
}[WebhookEventType];`;
