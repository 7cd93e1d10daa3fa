import { create } from '@bufbuild/protobuf';
import { LinkResponseSchema, type LinkRequest, type LinkResponse } from '@truffle/api/agent/v1/link';
import type { ResponseFrame } from './session.ts';

/** What a session needs of its gRPC stream. */
export interface LinkCall {
  on(event: 'data', heard: (message: LinkRequest) => void): unknown;
  on(event: 'end' | 'error' | 'cancelled' | 'drain', heard: () => void): unknown;
  /** False when the next frame is to wait for `drain`. */
  write(message: LinkResponse): boolean;
  end(): void;
  pause(): void;
  resume(): void;
  isPaused(): boolean;
}

const mostFrames = 256;
const mostBytes = 1024 * 1024;

const commandBytes = (payloadBytes: number): number => payloadBytes + 512;

/** Frames on their way to one agent. A slow reader stops dispatch; one that reads nothing at all loses its stream. */
export class Outbox {
  readonly #call: LinkCall;
  readonly #overflow: () => void;
  readonly #waiting: { readonly message: LinkResponse; readonly bytes: number }[] = [];
  #bytes = 0;
  #blocked = false;
  #ended = false;

  constructor(call: LinkCall, overflow: () => void, drained: () => void) {
    this.#call = call;
    this.#overflow = overflow;
    call.on('drain', () => {
      this.#blocked = false;
      this.#pump();
      if (!this.#blocked) drained();
    });
  }

  /** Whether more work may be taken for this agent. */
  get open(): boolean {
    return !this.#blocked && !this.#ended;
  }

  /** Whether a command of that many bytes finds room, with some left for what must be said. */
  fits(payloadBytes: number): boolean {
    return this.#waiting.length < mostFrames / 2 && this.#bytes + commandBytes(payloadBytes) <= mostBytes / 2;
  }

  send(frame: ResponseFrame): void {
    if (this.#ended) return;
    const bytes = frame.case === 'command' ? commandBytes(frame.value.payload.length) : 64;
    if (this.#waiting.length >= mostFrames || this.#bytes + bytes > mostBytes) return this.#overflow();
    this.#waiting.push({ message: create(LinkResponseSchema, { frame }), bytes });
    this.#bytes += bytes;
    this.#pump();
  }

  /** Sends what still can be sent and closes the stream. */
  end(): void {
    if (this.#ended) return;
    this.#blocked = false;
    while (this.#waiting.length > 0) this.#write();
    this.#ended = true;
    this.#call.end();
  }

  #pump(): void {
    while (!this.#blocked && this.#waiting.length > 0) this.#write();
  }

  #write(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#bytes -= next.bytes;
    if (!this.#call.write(next.message)) this.#blocked = true;
  }
}
