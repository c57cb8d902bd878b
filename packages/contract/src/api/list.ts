/** The one shape of a list answer, and the query of a list request. */
import Type from 'typebox';

/** `{"results": [...], "next_cursor": "…" | null}` */
export function listOf<Item extends Type.TSchema>(item: Item) {
  return Type.Object({
    results: Type.Array(item),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'Pass as cursor for the next page; null at the end.' }),
  });
}

export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(Type.String({ maxLength: 2000 })),
};
