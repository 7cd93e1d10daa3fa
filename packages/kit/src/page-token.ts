import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { create, toBinary, type DescMethod, type Message } from '@bufbuild/protobuf';
import type { UnaryRequest, UnaryResponse } from '@connectrpc/connect';
import { PageRequestSchema, type PageInfo, type PageRequest } from '@truffle/api/type/v1/page';
import { InvalidPageTokenError } from '@truffle/database';
import { principalOf, type Caller } from './caller.ts';
import { isPaged } from './contract.ts';

/** Bytes of a token's seal. */
const sealBytes = 16;
/** Between what the list said and its seal; in neither. */
const mark = '.';

type Listing = Message & { readonly page?: PageRequest };
type Listed = Message & { readonly page?: PageInfo };

/**
 * Binds each page token to the list that gave it: the method, the organization, who asked, and everything in the request but the page itself
 * (what is listed, filters, order). Nothing is stored: a seal goes with the token, made with a key that all replicas of a service have.
 */
export class PageTokens {
  readonly #key: Buffer;

  /** @param key 32 bytes that no caller knows; under another key every token is refused, and its list starts again */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** The request as the list's own code reads it. @throws InvalidPageTokenError for a token that this list did not give this caller */
  open<M extends Message>(method: DescMethod, caller: Caller, request: M): M {
    const { page } = request as Listing;
    if (page === undefined || page.token === '' || !isPaged(method)) return request;
    const at = page.token.lastIndexOf(mark);
    const token = page.token.slice(0, Math.max(at, 0));
    const given = Buffer.from(page.token.slice(at + 1), 'base64url');
    const own = this.#seal(method, caller, request, token);
    if (given.length !== sealBytes || !timingSafeEqual(given, own) || page.token !== sealed(token, own))
      throw new InvalidPageTokenError();
    return { ...request, page: create(PageRequestSchema, { size: page.size, token }) };
  }

  /** The answer to `request` as its caller gets it. */
  close<M extends Message>(method: DescMethod, caller: Caller, request: Message, answer: M): M {
    const { page } = answer as Listed;
    if (page === undefined || page.next === '' || !isPaged(method)) return answer;
    return { ...answer, page: { ...page, next: sealed(page.next, this.#seal(method, caller, request, page.next)) } };
  }

  /** Goes on with the token as the list's own code gave it, and answers with one that is bound to this list. */
  async around<R>(request: UnaryRequest, caller: Caller, next: (opened: UnaryRequest) => Promise<R>): Promise<R> {
    const { method } = request;
    const response = await next({ ...request, message: this.open(method, caller, request.message) });
    const answer = (response as UnaryResponse).message;
    return { ...response, message: this.close(method, caller, request.message, answer) };
  }

  #seal(method: DescMethod, caller: Caller, request: Message, token: string): Buffer {
    const { page: _, ...asked } = request as Listing;
    const bytes = toBinary(method.input, asked as Message, { writeUnknownFields: false });
    const parts = [`${method.parent.typeName}/${method.name}`, caller.orgId, principalOf(caller), token];
    const hmac = createHmac('sha256', this.#key).update(createHash('sha256').update(bytes).digest());
    // Each with its length: no two lists of parts make the same text.
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:${part}`);
    return hmac.digest().subarray(0, sealBytes);
  }
}

const sealed = (token: string, seal: Buffer): string => `${token}${mark}${seal.toString('base64url')}`;
