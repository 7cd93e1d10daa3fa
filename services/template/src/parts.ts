import type { Database } from '@truffle/database';
import type { Peers } from '@truffle/kit';
import type { TemplateSandbox } from '@truffle/template-language';
import type { TemplateTables } from './tables.ts';

/** What the template service's use cases work with. */
export interface TemplateParts {
  readonly database: Database<TemplateTables>;
  /** Where sources that others wrote are parsed. */
  readonly sandbox: TemplateSandbox;
  readonly peers: Peers;
  readonly now: () => Date;
}
