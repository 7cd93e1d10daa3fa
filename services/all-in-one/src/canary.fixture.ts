/** Every way that `secret` may stand in a text: as it is, in base64 at any place, in hex, URL-encoded, JSON-escaped. Of bytes, not the latter two. */
export function formsOf(secret: string | Buffer): ReadonlySet<string> {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const inBase64 = [0, 1, 2].flatMap((before) => base64At(bytes, before));
  if (typeof secret !== 'string') return new Set([bytes.toString('latin1'), ...inBase64, hex, hex.toUpperCase()]);
  const url = encodeURIComponent(secret);
  return new Set([
    secret,
    ...inBase64,
    hex,
    hex.toUpperCase(),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  ]);
}

/** Base64 of `bytes` inside a longer text, `before` bytes after a boundary: only the characters that no neighbour has a part in. */
function base64At(bytes: Buffer, before: number): string[] {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const inner = whole.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
  return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
}

/** Which of `secrets` stand in `text`, as `name: form`'s beginning. */
export function foundIn(text: string, secrets: Readonly<Record<string, string | Buffer>>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    [...formsOf(secret)].filter((form) => text.includes(form)).map((form) => `${name} as ${form.slice(0, 6)}…`),
  );
}
