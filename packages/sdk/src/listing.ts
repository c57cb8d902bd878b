/** Lists of the API, page by page or item by item. */
import { EvenkeelError } from './error.ts';

export interface Page<Item> {
  readonly results: Item[];
  /** null at the end. */
  readonly next_cursor: string | null;
}

/**
 * A list not yet read: `for await (const item of listing)` reads as many pages as needed, `listing.page(cursor?)`
 * exactly one. A server that gives the same cursor twice ends the iteration with an error instead of going in circles.
 */
export class Listing<Item> implements AsyncIterable<Item> {
  readonly #read: (cursor: string | undefined) => Promise<Page<Item>>;

  constructor(read: (cursor: string | undefined) => Promise<Page<Item>>) {
    this.#read = read;
  }

  page(cursor?: string): Promise<Page<Item>> {
    return this.#read(cursor);
  }

  async *pages(): AsyncGenerator<Page<Item>, void, undefined> {
    const seen = new Set<string>();
    let cursor: string | undefined;
    for (;;) {
      const page = await this.#read(cursor);
      yield page;
      if (page.next_cursor === null) return;
      if (seen.has(page.next_cursor)) {
        throw new EvenkeelError('The server gave the same cursor twice; the list was ended here because it would never end by itself.', {
          code: 'unexpected_answer',
          origin: 'platform',
          retryable: false,
        });
      }
      seen.add(page.next_cursor);
      cursor = page.next_cursor;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* page.results;
  }
}
