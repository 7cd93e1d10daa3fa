import { join } from 'node:path';
import { text } from '@truffle/config';

/** What orchestration is told of its keys for commands. */
export const commandKeySettings = {
  folder: text(
    'TRUFFLE_COMMAND_KEY_DIR',
    'folder of the keys that commands are signed with (1.pem, 2.pem, …); the first is made when missing; shared by every orchestration, and by no gateway; empty for `command-keys` in TRUFFLE_SERVICE_KEYS_DIR',
    { fallback: '' },
  ),
} as const;

/** Where the keys are. */
export const commandKeyFolder = (folder: string, serviceKeys: string): string =>
  folder === '' ? join(serviceKeys, 'command-keys') : folder;
