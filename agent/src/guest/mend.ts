import type { HealthSite } from '../keep/health-keeper.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { GuestAccess } from './connection.ts';
import { askHealth } from './health.ts';
import { quote } from './quote.ts';
import { GuestSession } from './session.ts';

/** Asks for servers' health as their deployments do, and restarts units on them. */
export function mendGuests(access: GuestAccess): Pick<HealthSite, 'check'> & {
  readonly restart: (about: Guest, units: readonly string[], signal: AbortSignal) => Promise<void>;
} {
  return {
    check: async ({ serverId }, { address, health }, signal) => {
      const session = new GuestSession(access, serverId, address);
      const script = (text: string, stop: AbortSignal) => session.script(text, stop);
      try {
        return await askHealth({ reach: access.reach, address, script }, health, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof DecodedFailure || !(error instanceof Error)) throw error;
        return error.message;
      } finally {
        session.close();
      }
    },
    restart: async ({ serverId, address }, units, signal) => {
      const session = new GuestSession(access, serverId, address);
      try {
        const { code, stderr } = await session.script(restartScript(units), signal);
        if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) || `systemctl exits with ${code}`);
      } finally {
        session.close();
      }
    },
  };
}

interface Guest {
  readonly serverId: string;
  readonly address: string;
}

/** A unit that failed too often in a short time starts only once that is forgotten. */
function restartScript(units: readonly string[]): string {
  const names = units.map(quote).join(' ');
  return `systemctl reset-failed ${names} 2>/dev/null || true\nsystemctl restart ${names}\n`;
}
