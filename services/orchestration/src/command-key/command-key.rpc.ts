import type { ServiceImpl } from '@connectrpc/connect';
import type { CommandKeyService } from '@truffle/api/orchestration/v1/command_key_service';
import { keyId } from '@truffle/sealing';
import type { CommandSigner } from './command-key.ts';

/** The public half of the signer, for the gateway that hands it to agents. */
export const commandKeyRpc = ({ published }: CommandSigner): ServiceImpl<typeof CommandKeyService> => ({
  getCommandKeys: () => ({
    keys: {
      version: BigInt(published.version),
      keys: published.keys.map((key) => ({ keyId: keyId(key), publicKey: key })),
      signatures: [...published.signatures],
    },
  }),
});
