import type { ServerResponse } from 'node:http';
import { ApiError, AuthError } from '../errors.ts';

export type Format = 'json' | 'extjs';

/** What every answer with a body is. */
export const JSON_TYPE = 'application/json;charset=UTF-8';

/** Writes status line, the headers every answer has, and the body. */
export function send(
  response: ServerResponse,
  status: number,
  reason: string,
  body: string,
  type?: string,
  close = status >= 400,
): void {
  const head: Record<string, string | number> = {
    'Cache-Control': 'max-age=0',
    Connection: close ? 'close' : 'Keep-Alive',
    Pragma: 'no-cache',
    Server: 'pve-api-daemon/3.0',
    'Content-Length': Buffer.byteLength(body),
    ...(type === undefined ? {} : { 'Content-Type': type }),
  };
  response.writeHead(status, phrase(reason), head);
  response.end(body);
}

/** The first line, without anything a status line cannot hold. */
function phrase(text: string): string {
  return (text.split('\n')[0] ?? '').replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '');
}

export function sendData(
  response: ServerResponse,
  format: Format,
  data: unknown,
  total: number | undefined,
  close = false,
): void {
  const body = {
    ...(format === 'extjs' ? { success: 1 } : {}),
    data: data ?? null,
    ...(total === undefined ? {} : { total }),
  };
  send(response, 200, 'OK', JSON.stringify(body), JSON_TYPE, close);
}

/** An error as the real one sends it: reason phrase and body say the same. */
export function sendError(response: ServerResponse, format: Format, error: ApiError): void {
  if (error instanceof AuthError || error.status >= 595) return send(response, error.status, error.message, '');
  const message = error.status === 501 ? error.message : `${error.message}\n`;
  const body = { data: null, message, ...(error.errors === undefined ? {} : { errors: error.errors }) };
  if (format === 'extjs' && error.status !== 401) {
    return send(response, 200, 'OK', JSON.stringify({ ...body, success: 0, status: error.status }), JSON_TYPE);
  }
  send(response, error.status, error.message, JSON.stringify(body), JSON_TYPE);
}
