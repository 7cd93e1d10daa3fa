import { framed, whole } from './framed.ts';

/** What a sealed value is bound to: it opens for this agent, this slot, this version and this purpose only. */
export interface SealedFor {
  /** Id of the organization. */
  readonly tenant: string;
  /** Id of the agent. */
  readonly agent: string;
  /** Names the slot, e.g. the scope and the parameter's name. */
  readonly secretId: string;
  /** Rises with each new value of the slot. */
  readonly version: number;
  /** What the value is for, e.g. `template-parameter`. */
  readonly purpose: string;
  /** Of the key that it is sealed to. */
  readonly keyId: string;
  /** Unix seconds after which it is refused. */
  readonly notAfter: number;
}

const label = 'truffle/secret-aad/v1';

/**
 * The associated data as bytes: the label and each field in the order of `SealedFor`, framed (numbers in decimal).
 * @throws RangeError when a number is not a whole one
 */
export const canonicalAad = (bound: SealedFor): Uint8Array<ArrayBuffer> =>
  framed([
    label,
    bound.tenant,
    bound.agent,
    bound.secretId,
    whole(bound.version),
    bound.purpose,
    bound.keyId,
    whole(bound.notAfter),
  ]);
