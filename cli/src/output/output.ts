import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Format } from './format.ts';
import { card, table } from './table.ts';
import { printable } from './printable.ts';

/** How one kind of message is shown. */
export interface View<D extends DescMessage> {
  readonly schema: D;
  /** What `--output name` prints. */
  readonly name: (message: MessageShape<D>) => string;
  /** Columns of a list. */
  readonly columns: Readonly<Record<string, (message: MessageShape<D>, now: number) => string>>;
  /** Lines of a single one; the columns unless told. */
  readonly card?: (message: MessageShape<D>, now: number) => readonly (readonly [string, string])[];
}

/**
 * Writes data to standard output in the format asked for. JSON and YAML are the contract's own JSON form (64-bit numbers are texts,
 * empty fields are there): a list is an array, a single thing an object, a stream one document per line.
 */
export class Output {
  readonly format: Format;
  readonly #write: (text: string) => void;
  readonly #now: () => number;

  constructor(format: Format, write: (text: string) => void, now: () => number) {
    this.format = format;
    this.#write = write;
    this.#now = now;
  }

  /** All of a list. */
  async list<D extends DescMessage>(view: View<D>, messages: readonly MessageShape<D>[]): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml')
      return this.data(await Promise.all(messages.map((each) => asJson(view.schema, each))));
    if (this.format === 'name') return messages.forEach((each) => this.line(view.name(each)));
    const columns = Object.entries(view.columns);
    this.#write(
      `${table(
        columns.map(([head]) => head),
        messages.map((each) => columns.map(([, cell]) => cell(each, this.#now()))),
      )}\n`,
    );
  }

  /** Rows for people that are more than one message each, or less. */
  rows(head: readonly string[], rows: readonly (readonly string[])[]): void {
    this.#write(`${table(head, rows)}\n`);
  }

  /** One thing. */
  async one<D extends DescMessage>(view: View<D>, message: MessageShape<D>): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml') return this.data(await asJson(view.schema, message));
    if (this.format === 'name') return this.line(view.name(message));
    this.#write(`${card(this.#cardOf(view, message))}\n`);
  }

  #cardOf<D extends DescMessage>(view: View<D>, message: MessageShape<D>): readonly (readonly [string, string])[] {
    if (view.card !== undefined) return view.card(message, this.#now());
    return Object.entries(view.columns).map(([head, cell]) => [head, cell(message, this.#now())]);
  }

  /** One of a stream: a line of JSON, a YAML document, a name, or `text`, whose foreign parts the caller made printable. */
  async item<D extends DescMessage>(
    view: Pick<View<D>, 'schema' | 'name'>,
    message: MessageShape<D>,
    text: string,
  ): Promise<void> {
    if (this.format === 'json') return this.#write(`${JSON.stringify(await asJson(view.schema, message))}\n`);
    if (this.format === 'yaml') return this.#write(`---\n${await yaml(await asJson(view.schema, message))}`);
    if (this.format === 'name') return this.line(view.name(message));
    this.#write(`${text}\n`);
  }

  /** Data that is no message of the contract. `text` is for people, `name` for `--output name`. */
  async plain(data: unknown, text: string, name: string): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml') return this.data(data);
    this.#write(`${this.format === 'name' ? name : text}\n`);
  }

  /** One line as it is, but for what would steer a terminal. */
  line(text: string): void {
    this.#write(`${printable(text)}\n`);
  }

  /** A JSON or YAML document, as the format says. */
  async data(data: unknown): Promise<void> {
    this.#write(this.format === 'yaml' ? await yaml(data) : `${JSON.stringify(data, null, 2)}\n`);
  }
}

async function yaml(data: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(data);
}

/** The contract's JSON form of a message. The code for it is loaded when it is needed. */
export async function asJson<D extends DescMessage>(schema: D, message: MessageShape<D>): Promise<unknown> {
  const { toJson } = await import('@bufbuild/protobuf');
  return toJson(schema, message, { alwaysEmitImplicit: true });
}
