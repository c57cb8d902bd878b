/** The catalogue of events as the API gives it. */
import Type from 'typebox';

export const EventTypeInfo = Type.Object({
  type: Type.String(),
  description: Type.String(),
  schema: Type.Unknown({ description: 'JSON Schema of data.' }),
  example: Type.Unknown({ description: 'An example of data.' }),
});
export const EventTypeList = Type.Object({ results: Type.Array(EventTypeInfo), next_cursor: Type.Null() });
