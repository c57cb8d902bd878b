/** The catalogue of events, for whoever builds a receiver or a form of filters. */
import { EventTypeList } from '@evenkeel/contract/api/event-types.ts';
import { eventCatalogue } from '@evenkeel/contract/event-catalogue.ts';
import { route, type Route } from '../http/route.ts';

export function eventTypeRoutes(): Route[] {
  const results = eventCatalogue.map(({ type, description, schema, example }) => ({ type, description, schema, example }));
  return [
    route({
      method: 'GET',
      path: '/v1/event-types',
      summary: 'Every type of event that is sent out, with its schema and an example',
      tag: 'outbound',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { response: { 200: EventTypeList } },
      handle: () => ({ results, next_cursor: null }),
    }),
  ];
}
