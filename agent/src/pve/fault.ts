import { PveError, PveTaskError } from './error.ts';
import { known } from './fault-texts.ts';

/** A failure of Proxmox VE, told by its text. */
export interface Fault {
  readonly code: string;
  readonly cause: string;
  readonly remedy: string;
  /** Whether the same call may succeed a little later by itself. */
  readonly passes: boolean;
}

/** Translates a text of Proxmox VE. */
export function faultOfText(text: string): Fault {
  const found = known.find((each) => each.text.test(text));
  if (found === undefined) {
    return {
      code: 'PVE_FAILED',
      cause: '',
      remedy: 'Read the log of the task in Proxmox VE, mend it, and try again.',
      passes: false,
    };
  }
  return { code: found.code, cause: found.cause, remedy: found.remedy, passes: found.passes === true };
}

/** Whether the same may succeed a little later: a lost race, a lock, or a call that perhaps took effect. What is, is to be read again first. */
export function mayPass(error: unknown): boolean {
  const fault = faultOf(error);
  return (
    fault?.passes === true || fault?.code === 'PVE_LOCKED' || (error instanceof PveError && error.reach === 'uncertain')
  );
}

/** Translates what a call or a task failed with; undefined for any other error. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof PveTaskError) return faultOfText(error.exitStatus);
  if (!(error instanceof PveError)) return undefined;
  if (error.status === 0)
    return unreachable(error.operation.startsWith('GET') ? 'PVE_UNREACHABLE' : 'PVE_NO_ANSWER', error);
  if (error.status >= 595) return unreachable('PVE_NODE_UNREACHABLE', error);
  if (error.status === 401) return faultOfText('Authentication failed');
  if (error.status === 403) return faultOfText('Permission check failed');
  return faultOfText(error.text);
}

function unreachable(code: string, error: PveError): Fault {
  const tls = /certificate|self.signed|altnames|issuer/i.test(error.reason);
  if (tls) {
    return {
      code: 'PVE_TLS',
      cause: 'The certificate is not signed by the pinned CA, or not for this host name.',
      remedy:
        'Put the cluster’s /etc/pve/pve-root-ca.pem into caFile, and a name or address of the certificate into urls.',
      passes: false,
    };
  }
  return {
    code,
    cause: 'The hypervisor or one of its nodes does not answer.',
    remedy: 'Check that the node is up and that its port 8006 can be reached from the agent.',
    passes: true,
  };
}
