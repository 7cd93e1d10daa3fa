import type { CommandRun } from '../command/effect.ts';
import { fingerprint } from '../guest/reach.ts';
import { PveError } from './error.ts';
import type { PveSite } from './site.ts';

/** What the guest's SSH server made at its first boot, and shows first to whoever asks. */
const hostKeyFile = '/etc/ssh/ssh_host_ed25519_key.pub';
const answerMs = 2_000;

/**
 * Pins the guest's SSH host key as the guest agent reads it from the guest's own disk: over the hypervisor, where nobody between the agent and
 * the guest can put a key of his own. Where that can't be had, the key is pinned at the first login.
 * @throws the run's signal's reason
 */
export async function recordHostKey(
  site: PveSite,
  run: CommandRun,
  vm: { readonly node: string; readonly vmid: number; readonly serverId: string },
): Promise<void> {
  if (site.hostKeys.knows(vm.serverId)) return;
  try {
    const ask = () => site.api.guestFile(vm.node, vm.vmid, hostKeyFile, answerMs, run.signal);
    const sha256 = fingerprintOf(await site.perAgentNode.with(vm.node, run.signal, ask));
    if (sha256 === undefined) return run.log('agent', `${hostKeyFile} holds no key: ${atLogin}`);
    site.hostKeys.accepts(vm.serverId, sha256);
    run.log('agent', `host key ${sha256}, read by the guest agent`);
  } catch (error) {
    run.signal.throwIfAborted();
    if (!(error instanceof PveError)) throw error;
    const lacking = error.status === 403 ? 'the token lacks VM.GuestAgent.FileRead' : 'the guest agent does not tell';
    run.log('agent', `${lacking} (${error.reason}): ${atLogin}`);
  }
}

const atLogin = 'the host key is pinned at the first login';

/** The key's `SHA256:…`; undefined when the text is no public key. */
function fingerprintOf(text: string): string | undefined {
  const [, body = ''] = /^ssh-ed25519 ([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(text) ?? [];
  return body === '' ? undefined : fingerprint(Buffer.from(body, 'base64'));
}
