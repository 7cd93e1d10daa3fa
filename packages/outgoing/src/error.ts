/** The address is not one that may be asked. The message is for who gave it: it says which rule, and nothing of what is inside. */
export class OutgoingRefusedError extends Error {
  override readonly name = 'OutgoingRefusedError';
  readonly reason: 'URL' | 'SCHEME' | 'CREDENTIALS' | 'PORT' | 'NOT_PUBLIC' | 'REDIRECTS';
  constructor(reason: OutgoingRefusedError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The address was asked and there is no whole answer; the cause is for our log. */
export class OutgoingFailedError extends Error {
  override readonly name = 'OutgoingFailedError';
  readonly reason: 'UNREACHABLE' | 'TIMEOUT' | 'TOO_LARGE' | 'ENCODING';
  constructor(reason: OutgoingFailedError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
