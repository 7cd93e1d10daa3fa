import type { OutgoingClient } from './client.ts';

/** `fetch` over the guarded client, for libraries that take one: GET and POST, whole answers, no streaming. */
export const fetchOver =
  (client: OutgoingClient): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    if (request.method !== 'GET' && request.method !== 'POST') throw new TypeError(`${request.method} is not sent out`);
    const body = request.method === 'POST' ? new Uint8Array(await request.arrayBuffer()) : undefined;
    const answer = await client.request(request.url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal: request.signal,
      redirects: request.redirect === 'follow' ? 3 : 0,
      ...(body === undefined ? {} : { body }),
    });
    const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as [string, string]],
    );
    // These two say that there is no body; a Response with one would be refused.
    const isBare = answer.status === 204 || answer.status === 304;
    return new Response(isBare ? null : new Uint8Array(answer.body), { status: answer.status, headers });
  };
