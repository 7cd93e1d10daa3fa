const mark = '[redacted]';
/** Lines of a secret of several lines are also redacted one by one, from this length on: shorter ones are punctuation. */
const shortestLine = 6;
/** Shorter pieces of base64 would match by chance in any text. */
const shortestBase64 = 4;

/** Takes registered values out of texts, in the forms that tools print them in: raw, base64, URL-encoded, JSON-escaped, hex. */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  /** Registers a value; the empty one is ignored. */
  add(value: string): void {
    if (value === '') return;
    const lines = value.split(/\r?\n/).filter((line) => line.length >= shortestLine);
    for (const part of new Set([value, ...lines])) for (const form of formsOf(part)) this.#forms.add(form);
    // The longest first, so that a form within another leaves nothing of the longer one behind.
    const sorted = [...this.#forms].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(sorted.map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  }

  /** `text` without any registered value. */
  readonly apply = (text: string): string => (this.#pattern === undefined ? text : text.replace(this.#pattern, mark));
}

function formsOf(value: string): Set<string> {
  const bytes = Buffer.from(value, 'utf8');
  const hex = bytes.toString('hex');
  const url = encodeURIComponent(value.toWellFormed());
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    url,
    url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    url.replaceAll('%20', '+'),
    hex,
    hex.toUpperCase(),
    ...base64Forms(bytes),
  ];
  return new Set(forms.filter((form) => form !== ''));
}

/** Base64 of `bytes` as it shows inside the base64 of a longer text, for each of the three places that a byte can have there. */
function base64Forms(bytes: Buffer): string[] {
  const alone = [bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  const forms = alone.filter((form) => form.length >= shortestBase64);
  for (let before = 0; before < 3; before++) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const whole = padded.toString('base64').replace(/=+$/, '');
    // Characters that also carry bits of neighbours are not ours to match.
    const start = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    const inner = whole.slice(start, end);
    if (inner.length >= shortestBase64) forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}
