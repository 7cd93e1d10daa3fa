import { fingerprintWords, generateSealingKey, recipientText } from '@truffle/sealing';
import type { Handler } from '../command.ts';
import type { Invocation } from '../invocation.ts';
import { keyPath, readKey, writeKey } from './key.file.ts';

export const create: Handler = async (cli) => {
  const path = keyPath(cli);
  const pair = await generateSealingKey();
  writeKey(path, pair);
  await print(cli, pair.publicKey, path);
  cli.notes.say(
    `let a site tell you secrets: in its agent's policy file, name your key\n  recipients: [${recipientText(pair.publicKey)}]`,
  );
};

export const show: Handler = async (cli) => {
  const path = keyPath(cli);
  const { publicKey } = readKey(path);
  await print(cli, publicKey, path);
};

async function print(cli: Invocation, publicKey: Uint8Array, path: string): Promise<void> {
  const [key, fingerprint] = [recipientText(publicKey), fingerprintWords(publicKey)];
  await cli.out.plain({ key, fingerprint, path }, `${key}\n${fingerprint}`, key);
}
