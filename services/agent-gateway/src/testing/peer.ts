import 'reflect-metadata';
import { createHash, generateKeyPairSync, randomBytes, randomUUID, webcrypto, type KeyObject } from 'node:crypto';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import {
  CommandOutputSchema,
  CommandPayloadSchema,
  CommandResultSchema,
  Effect,
  Outcome,
} from '@truffle/api/agent/v1/command';
import { EnrollRequestSchema } from '@truffle/api/agent/v1/agent_service';
import {
  AgentLinkService,
  HelloSchema,
  LinkRequestSchema,
  LinkResponseSchema,
  RejectedSchema,
  type LinkRequest,
  type LinkResponse,
} from '@truffle/api/agent/v1/link';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { createJoinToken, enroll } from '../agent/enrollment.usecases.ts';
import { serverName } from '../authority/authority.ts';
import type { RequestFrame, ResponseFrame } from '../session/session.ts';
import type { World } from './world.ts';

type HelloInit = Exclude<MessageInitShape<typeof HelloSchema>, { readonly $typeName: string }>;

/** What an agent shows and trusts, PEM, and who it is. */
export interface PeerKeys {
  readonly agentId: string;
  readonly orgId: string;
  readonly key: string;
  readonly certificate: string;
  /** Ed25519; signs recoveries. */
  readonly identity: KeyObject;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A key and a certificate request for it, as an agent makes them. */
export async function makeRequest(): Promise<{ readonly csr: Buffer; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=agent',
    keys,
    signingAlgorithm: algorithm,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { csr: Buffer.from(request.rawData), key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
}

export const enrollRequest = (token: string, csr: Buffer, identityPublicKey: Buffer = randomBytes(32)) =>
  create(EnrollRequestSchema, {
    token,
    csr,
    sealingPublicKey: randomBytes(32),
    identityPublicKey,
    version: '0.0.0',
  });

/** Enrols an agent by the use cases. */
export async function enrolPeer(world: World, name: string): Promise<PeerKeys> {
  const { token } = await createJoinToken(world.enrollment, world.caller, name);
  const { csr, key } = await makeRequest();
  const identity = generateKeyPairSync('ed25519');
  const raw = identity.publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  const { agentId, orgId, certificate } = await enroll(world.enrollment, world.caller, enrollRequest(token, csr, raw));
  return { agentId, orgId, key, certificate: pemOf(certificate), identity: identity.privateKey };
}

/** A certificate in PEM. */
export const pemOf = (der: Uint8Array): string => x509.PemConverter.encode(new Uint8Array(der), 'CERTIFICATE');

type Seen<C extends ResponseFrame['case']> = Extract<ResponseFrame, { case: C }>['value'];

/** One stream of a scripted agent: speaks frames and remembers what it heard. */
export class PeerStream {
  readonly frames: ResponseFrame[] = [];
  ended = false;
  readonly #client: grpc.Client;
  readonly #call: grpc.ClientDuplexStream<LinkRequest, LinkResponse>;
  heard: (frame: ResponseFrame) => void = () => undefined;

  constructor(endpoint: string, authority: string, keys: PeerKeys) {
    this.#client = new grpc.Client(
      endpoint,
      grpc.credentials.createSsl(Buffer.from(authority), Buffer.from(keys.key), Buffer.from(keys.certificate)),
      {
        'grpc.ssl_target_name_override': serverName,
        'grpc.use_local_subchannel_pool': 1,
      },
    );
    this.#call = this.#client.makeBidiStreamRequest(
      `/${AgentLinkService.typeName}/Link`,
      (frame: LinkRequest) => Buffer.from(toBinary(LinkRequestSchema, frame)),
      (bytes: Buffer) => fromBinary(LinkResponseSchema, bytes),
    );
    this.#call.on('data', ({ frame }: LinkResponse) => {
      this.frames.push(frame);
      this.heard(frame);
    });
    const end = () => {
      this.ended = true;
      this.#client.close();
    };
    this.#call.on('error', end);
    this.#call.on('status', end);
  }

  /** Stops reading, or goes on. */
  read(on: boolean): void {
    if (on) this.#call.resume();
    else this.#call.pause();
  }

  send(frame: RequestFrame): void {
    this.#call.write(create(LinkRequestSchema, { frame }));
  }

  /** The last frame of that kind; undefined when none came. */
  last<C extends ResponseFrame['case']>(kind: C): Seen<C> | undefined {
    return this.frames.findLast((frame) => frame.case === kind)?.value as Seen<C> | undefined;
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

/** A scripted agent with its journal in memory: honest, unless a test has it be otherwise. */
export class Peer {
  keys: PeerKeys;
  /** PEM. */
  authority: string;
  incarnation = randomUUID() as string;
  continuity: Uint8Array = new Uint8Array();
  lsn = 1n;
  /** Commands in the journal: permit 0 for accepted. */
  readonly journal = new Map<
    string,
    { sha256: Uint8Array; payload: Uint8Array; permitNo: number; needsPermit: boolean; ended: boolean }
  >();
  /** How often each command took effect. */
  readonly effects = new Map<string, number>();
  /** What commands are refused with; undefined while they are taken. */
  refuses: MessageInitShape<typeof FailureSchema> | undefined;
  /** Whether results are sent when a command was done. */
  answers = true;

  constructor(keys: PeerKeys, authority: string) {
    this.keys = keys;
    this.authority = authority;
  }

  /** Dials and says Hello; Ready follows Welcome by itself. */
  dial(endpoint: string, hello: HelloInit = {}): PeerStream {
    const stream = new PeerStream(endpoint, this.authority, this.keys);
    stream.heard = (frame) => this.#heard(stream, frame);
    stream.send({ case: 'hello', value: create(HelloSchema, { ...this.#hello(), ...hello }) });
    return stream;
  }

  #hello(): HelloInit {
    return {
      protocolMin: 1,
      protocolMax: 1,
      incarnation: this.incarnation,
      journalLsn: this.lsn,
      continuity: this.continuity,
      version: '0.0.0',
      capabilities: ['ping', 'ensureServer', 'deleteServer', 'runDeployment'],
      maxInFlight: 64,
      inFlight: [...this.journal].map(([commandId, e]) => ({
        commandId,
        state: e.ended ? 3 : e.permitNo > 0 || !e.needsPermit ? 2 : 1,
        permitNo: e.permitNo,
      })),
    };
  }

  #heard(stream: PeerStream, frame: ResponseFrame): void {
    switch (frame.case) {
      case 'welcome':
        this.continuity = frame.value.continuity;
        this.lsn++;
        stream.send({ case: 'ready', value: { $typeName: 'truffle.agent.v1.Ready', epoch: frame.value.epoch } });
        for (const [id, entry] of this.journal) if (entry.ended) this.#answer(stream, id);
        return;
      case 'heartbeat':
        return stream.send({ case: 'heartbeat', value: frame.value });
      case 'command': {
        const { id, payload, needsPermit } = frame.value;
        if (this.refuses !== undefined) {
          const failure = create(FailureSchema, this.refuses);
          return stream.send({ case: 'rejected', value: create(RejectedSchema, { commandId: id, failure }) });
        }
        const sha256 = createHash('sha256').update(payload).digest();
        if (!this.journal.has(id)) this.journal.set(id, { sha256, payload, permitNo: 0, needsPermit, ended: false });
        this.lsn++;
        stream.send({
          case: 'accepted',
          value: { $typeName: 'truffle.agent.v1.Accepted', commandId: id, payloadSha256: sha256 },
        });
        if (!needsPermit) this.#done(stream, id);
        return;
      }
      case 'permit': {
        const entry = this.journal.get(frame.value.commandId);
        if (entry === undefined || entry.permitNo > 0) return;
        entry.permitNo = frame.value.permitNo;
        this.lsn++;
        this.effects.set(frame.value.commandId, (this.effects.get(frame.value.commandId) ?? 0) + 1);
        return this.#done(stream, frame.value.commandId);
      }
      case 'resultAck':
        if (frame.value.terminal) this.journal.delete(frame.value.commandId);
        return;
      case 'cancel': {
        const entry = this.journal.get(frame.value.commandId);
        if (entry !== undefined && entry.permitNo === 0 && entry.needsPermit)
          this.journal.delete(frame.value.commandId);
        return;
      }
      default:
        return;
    }
  }

  #done(stream: PeerStream, id: string): void {
    if (!this.answers) return;
    const entry = this.journal.get(id);
    if (entry !== undefined) entry.ended = true;
    this.lsn++;
    this.#answer(stream, id);
  }

  #answer(stream: PeerStream, id: string): void {
    const entry = this.journal.get(id);
    const op = entry === undefined ? undefined : fromBinary(CommandPayloadSchema, entry.payload).op;
    const output =
      op?.case === 'ping'
        ? toBinary(
            CommandOutputSchema,
            create(CommandOutputSchema, { output: { case: 'pong', value: { nonce: op.value.nonce } } }),
          )
        : new Uint8Array();
    const value = create(CommandResultSchema, {
      commandId: id,
      lsn: this.lsn,
      outcome: Outcome.SUCCEEDED,
      effect: op?.case === 'ping' ? Effect.NONE : Effect.FULL,
      output,
    });
    stream.send({ case: 'result', value });
  }
}
