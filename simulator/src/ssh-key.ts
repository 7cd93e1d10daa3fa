import ssh2 from 'ssh2';

/** A key pair in OpenSSH's own formats. */
export interface SshKey {
  private: string;
  public: string;
}

const ATTEMPTS = 50;

export class NoSshKey extends Error {
  readonly code = 'SSH_KEY_UNUSABLE';
}

/** `type base64` of a private key in OpenSSH's form. @throws {NoSshKey} when it is none */
export function publicLine(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw new NoSshKey(key.message);
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

/** Makes an Ed25519 key pair. The library (1.17.0) writes a few keys in a thousand so that nobody can read them (7 of 2,000 measured): those are made again. @throws {NoSshKey} */
export function makeSshKey(): SshKey {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const made = ssh2.utils.generateKeyPairSync('ed25519');
    const readable =
      !(ssh2.utils.parseKey(made.private) instanceof Error) && !(ssh2.utils.parseKey(made.public) instanceof Error);
    if (readable) return made;
  }
  throw new NoSshKey('no readable key in fifty attempts');
}
