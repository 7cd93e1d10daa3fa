import { X509Certificate } from 'node:crypto';
import { keyId } from '@truffle/sealing';
import { IdentityFolder, identityFiles, pairFiles } from './folder.ts';

/** Who the agent is to the control plane, as its data folder has it. */
export interface Identity {
  readonly agentId: string;
  readonly orgId: string;
  /** Where enrolment said to dial, `host:port`, first to last. */
  readonly endpoints: readonly string[];
  /** Name that the gateway's certificate must carry. */
  readonly serverName: string;
  /** Origin of the control plane; undefined for agents from before it was kept. */
  readonly server: string | undefined;
  /** Number of the key pair. */
  readonly pair: number;
  /** When its certificate came, by this machine's clock; undefined for agents from before it was kept. */
  readonly certifiedAt: number | undefined;
  /** PEM. */
  readonly certificate: string;
  /** From when the certificate is good: a little before it was made. */
  readonly certificateFrom: Date;
  /** When the certificate ends. */
  readonly certificateEnds: Date;
  /** PEM; private. */
  readonly mtlsKey: string;
  /** PEM, one after the other. */
  readonly authorities: string;
  readonly sealing: {
    readonly keyId: string;
    readonly publicKey: Uint8Array;
    /** X25519, 32 bytes; private. */
    readonly privateKey: Uint8Array;
  };
}

/** What of an identity is neither key nor certificate; written last, so that it stands for the whole. */
export interface AgentFile {
  readonly agentId: string;
  readonly orgId: string;
  readonly endpoints: readonly string[];
  readonly serverName: string;
  /** Number of the key pair that counts; 0 unless said. */
  readonly pair?: number;
  /** When the pair's certificate came, by this machine's clock, in milliseconds since 1970; not known of agents from before it was kept. */
  readonly certifiedAt?: number;
  /** Origin of the control plane, where the agent enrolled and where it recovers; not known of agents from before it was kept. */
  readonly server?: string;
}

/** A part of the identity is missing or damaged. */
export class IdentityDamaged extends Error {
  override readonly name = 'IdentityDamaged';
  readonly code = 'IDENTITY_DAMAGED';
}

/**
 * The identity in a data folder; undefined when the agent is not enrolled.
 * @throws IdentityDamaged when it is there in part
 */
export function readIdentity(dataFolder: string): Identity | undefined {
  const folder = new IdentityFolder(dataFolder);
  const file = folder.read(identityFiles.agent);
  if (file === undefined) return undefined;
  const need = (name: string): Buffer => {
    const content = folder.read(name);
    if (content === undefined) throw new IdentityDamaged(`${name} is missing; \`truffle-agent reset\` and enrol anew`);
    return content;
  };
  const agent = JSON.parse(file.toString()) as AgentFile;
  const pair = agent.pair ?? 0;
  const files = pairFiles(pair);
  const certificate = need(files.certificate).toString();
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const sealing = Buffer.from(need(identityFiles.sealingKey).toString().trim(), 'hex');
  const publicKey = new Uint8Array(sealing.subarray(32));
  return {
    ...agent,
    server: agent.server,
    pair,
    certifiedAt: agent.certifiedAt,
    certificate,
    certificateFrom: validFromDate,
    certificateEnds: validToDate,
    mtlsKey: need(files.key).toString(),
    authorities: need(files.authorities).toString(),
    sealing: { keyId: keyId(publicKey), publicKey, privateKey: new Uint8Array(sealing.subarray(0, 32)) },
  };
}
