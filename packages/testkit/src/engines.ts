import { ensureInstallation, type Installation } from '@truffle/kit';
import { inject } from 'vitest';

export interface TestEngines {
  /** A superuser's URL. */
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly installation: Installation;
}

/** The engines of this run. Throws when the suite was started without its global set-up. */
export function testEngines(): TestEngines {
  return {
    databaseUrl: inject('databaseUrl'),
    natsUrl: inject('natsUrl'),
    temporalAddress: inject('temporalAddress'),
    temporalNamespace: inject('temporalNamespace'),
    installation: ensureInstallation(inject('installationFolder')),
  };
}
