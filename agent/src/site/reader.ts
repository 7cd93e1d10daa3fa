/** The site's config is wrong; the message names the key. */
export class SiteConfigError extends Error {
  override readonly name = 'SiteConfigError';
  readonly code = 'SITE_CONFIG_INVALID';
  /** Dotted path of the key, e.g. `images.debian-12.vmid`. */
  readonly key: string;
  /** What is wrong with it, without the key. */
  readonly problem: string;
  constructor(key: string, problem: string) {
    super(key === '' ? `the site config ${problem}` : `${key} ${problem}`);
    this.key = key;
    this.problem = problem;
  }
}

/** Takes a mapping apart key by key; `done` refuses what nobody asked for. */
export class Reader {
  readonly #key: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();

  constructor(key: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new SiteConfigError(key, 'must be a mapping');
    this.#key = key;
    this.#values = new Map(Object.entries(value));
  }

  keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Whether it is given; from then on it counts as known. */
  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  isMapping(name: string): boolean {
    const value = this.#take(name);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  }

  /** The path of one of its keys, for messages. */
  at(name: string): string {
    return this.#key === '' ? name : `${this.#key}.${name}`;
  }

  text(name: string, rest: { fallback?: string; pattern?: RegExp; is?: string } = {}): string {
    const value = this.#take(name) ?? rest.fallback;
    if (value === undefined)
      throw new SiteConfigError(this.at(name), `is missing${rest.is === undefined ? '' : ` (${rest.is})`}`);
    if (typeof value !== 'string' || value === '' || rest.pattern?.test(value) === false) {
      throw new SiteConfigError(this.at(name), `must be ${rest.is ?? 'a text'}`);
    }
    return value;
  }

  whole(name: string, rest: { fallback?: number; min: number; max: number }): number {
    const value = this.#take(name) ?? rest.fallback;
    if (value === undefined) throw new SiteConfigError(this.at(name), 'is missing');
    if (typeof value !== 'number' || !Number.isInteger(value) || value < rest.min || value > rest.max) {
      throw new SiteConfigError(this.at(name), `must be a whole number from ${rest.min} to ${rest.max}`);
    }
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (!Array.isArray(value) || value.length === 0)
      throw new SiteConfigError(this.at(name), 'must be a list of at least one');
    return value;
  }

  /** A mapping inside; an empty one when it is absent and may be. */
  inner(name: string, optional = false): Reader {
    const value = this.#take(name);
    if (value === undefined && !optional) throw new SiteConfigError(this.at(name), 'is missing');
    return new Reader(this.at(name), value ?? {});
  }

  /** @throws SiteConfigError for the first key that is not known */
  done(): void {
    for (const name of this.#values.keys()) {
      if (!this.#asked.has(name))
        throw new SiteConfigError(this.at(name), `is not known here; known are ${[...this.#asked].join(', ')}`);
    }
  }

  #take(name: string): unknown {
    this.#asked.add(name);
    return this.#values.get(name) ?? undefined;
  }
}
