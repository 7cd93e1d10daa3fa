/**
 * What every answer tells a browser, whatever it is: over TLS alone, for two years and for all hosts below; nothing of it is a page, shown in
 * a frame or kept; its type is what it says; where one was before is nobody's business. Pages and files of the console say otherwise what they
 * must (`servePages`).
 */
const always = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'content-security-policy':
    "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const;

/** Sets on an answer what every answer has; what answers later may set it anew. */
export function protect(response: { setHeader(name: string, value: string): unknown }): void {
  for (const [name, value] of Object.entries(always)) response.setHeader(name, value);
}
