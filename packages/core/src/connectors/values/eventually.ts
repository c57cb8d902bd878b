/**
 * Values that are there at once wherever no expression of a manifest takes part. A call that needs no expression then
 * runs through without a turn of the event loop: an `await` of a value costs as much as building a plain request.
 */
export type Eventually<T> = T | Promise<T>;

/** `next` of the value, at once when it is there. What rejects, rejects; what throws at once, throws at once. */
export function whenThere<T, U>(value: Eventually<T>, next: (value: T) => Eventually<U>): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
