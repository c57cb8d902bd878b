/** Why a value cannot be mapped, and where. Thrown by the closures of a mapping and caught where a record begins. */

export class MappingFailure extends Error {
  override readonly name = 'MappingFailure';
  /** In the unified record: `emails[0].type`. */
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`${path} ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}
