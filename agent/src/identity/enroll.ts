import type { X509Certificate } from 'node:crypto';
import type { EnrollResponse } from '@truffle/api/agent/v1/agent_service';
import { PinnedKeys } from './command-keys.ts';
import { CertificateInvalid, checkedPair, parsePins, spkiHash, type CheckedPair } from './certificate.ts';
import { IdentityFolder, identityFiles, pairFiles } from './folder.ts';
import { readIdentity, type AgentFile, type Identity } from './identity.ts';
import { ensureKeys, type EnrollmentKeys } from './keys.ts';

/** Enrolment did not succeed; `reason` says in one word why. Doing the same again is safe. */
export class EnrollmentError extends Error {
  override readonly name = 'EnrollmentError';
  readonly code:
    | 'ENROLLMENT_REFUSED'
    | 'ENROLLMENT_UNREACHABLE'
    | 'CA_PIN_MISMATCH'
    | 'CERTIFICATE_INVALID'
    | 'CA_PIN_MALFORMED';
  constructor(code: EnrollmentError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface EnrollInput {
  /** Origin of the control plane, `https://…`. */
  readonly server: string;
  /** The join token; used in the one request and kept nowhere. */
  readonly token: string;
  readonly dataFolder: string;
  /** SHA-256 of the authority's public key (SPKI) in hex or base64, with or without `sha256:` before it; several with a comma between. */
  readonly caPin?: string | undefined;
  /** Version of the program. */
  readonly version: string;
}

/** How long the one request may take, in milliseconds. */
const timeoutMs = 30_000;

/**
 * Exchanges a join token for an identity and stores it. An agent that is enrolled stays as it is. Safe to repeat until it succeeds:
 * keys and request are on disk before they are sent, and the same request gets the same certificate.
 * @throws EnrollmentError
 */
export async function enroll(input: EnrollInput): Promise<Identity> {
  const enrolled = readIdentity(input.dataFolder);
  if (enrolled !== undefined) return enrolled;
  const pins = input.caPin === undefined ? undefined : pinsOf(input.caPin);
  const folder = new IdentityFolder(input.dataFolder);
  const keys = await ensureKeys(folder);
  const answer = await request(input, keys);
  const files = pairFiles(0);
  const checked = check(answer, folder.read(files.key)?.toString() ?? '', pins);
  folder.write(files.certificate, checked.certificate);
  folder.write(files.authorities, checked.authorities);
  if (answer.commandKeys !== undefined) new PinnedKeys(input.dataFolder).offer(answer.commandKeys);
  const { agentId, orgId, endpoints, serverName } = answer;
  const file: AgentFile = { agentId, orgId, endpoints, serverName, certifiedAt: Date.now(), server: input.server };
  folder.write(identityFiles.agent, `${JSON.stringify(file, null, 2)}\n`);
  folder.remove(files.request);
  const identity = readIdentity(input.dataFolder);
  if (identity === undefined)
    throw new EnrollmentError('CERTIFICATE_INVALID', 'the identity that was just written is not there');
  return identity;
}

async function request(input: EnrollInput, keys: EnrollmentKeys): Promise<EnrollResponse> {
  // Loaded here since a running agent never needs them.
  const [{ Code, ConnectError, createClient }, { createConnectTransport }, { EnrollmentService }] = await Promise.all([
    import('@connectrpc/connect'),
    import('@connectrpc/connect-node'),
    import('@truffle/api/agent/v1/agent_service'),
  ]);
  const transport = createConnectTransport({ baseUrl: input.server, httpVersion: '1.1', readMaxBytes: 1024 * 1024 });
  try {
    return await createClient(EnrollmentService, transport).enroll(
      { token: input.token, version: input.version, ...keys },
      { timeoutMs },
    );
  } catch (error) {
    const refusal = ConnectError.from(error);
    const unreachable = [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown].includes(refusal.code);
    const code = unreachable ? 'ENROLLMENT_UNREACHABLE' : 'ENROLLMENT_REFUSED';
    // The cause is left out: it may carry the request.
    throw new EnrollmentError(
      code,
      `${input.server} did not enrol this agent: ${refusal.rawMessage.replaceAll(input.token, '[redacted]')}`,
    );
  }
}

/** With pins nothing else is trusted: a stranger's authority beside the pinned one is left out. */
function check(answer: EnrollResponse, keyPem: string, pins: readonly Buffer[] | undefined): CheckedPair {
  const pinned = (authority: X509Certificate): boolean =>
    pins === undefined || pins.some((pin) => spkiHash(authority).equals(pin));
  try {
    const checked = checkedPair(answer, keyPem, pinned);
    if (checked !== undefined) return checked;
  } catch (cause) {
    if (!(cause instanceof CertificateInvalid)) throw cause;
    throw new EnrollmentError('CERTIFICATE_INVALID', cause.message, { cause });
  }
  throw new EnrollmentError(
    'CA_PIN_MISMATCH',
    'the authority is not the one that the pin names: someone may be in between',
  );
}

function pinsOf(given: string): readonly Buffer[] {
  const pins = parsePins(given);
  if (pins === undefined)
    throw new EnrollmentError(
      'CA_PIN_MALFORMED',
      'the pin is not a SHA-256 in hex or base64, or two with a comma between',
    );
  return pins;
}
