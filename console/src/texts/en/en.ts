import { access } from './access.ts';
import { account } from './account.ts';
import { agent } from './agent.ts';
import { audit } from './audit.ts';
import { cluster } from './cluster.ts';
import { dashboard } from './dashboard.ts';
import { event } from './event.ts';
import { operation } from './operation.ts';
import { project } from './project.ts';
import { security } from './security.ts';
import { server } from './server.ts';
import { template } from './template.ts';

export const english = {
  locale: 'en',
  access,
  account,
  agent,
  audit,
  cluster,
  dashboard,
  event,
  operation,
  project,
  security,
  server,
  template,
  confirm: {
    cancel: 'Cancel',
    change: 'Change',
    delete: 'Delete',
    done: 'Done',
    save: 'Save',
    type: (name: string) => `Type ${name} to confirm`,
  },
  list: { exactName: 'Name (exactly)', more: 'Show more', noneSuch: 'There is none of that kind.', order: 'Order' },
  merge: {
    changed: (who: string) => `${who} changed this while you did,`,
    somebody: 'Somebody',
    hint: 'Take over what they changed, then save.',
    was: 'It was',
    is: 'and is now',
    yours: 'You want',
    take: (field: string) => `Whose ${field} stands`,
    takes: { mine: 'Mine', theirs: 'Theirs', both: 'Both' },
    taken: 'You did not change it: theirs stands.',
    merge: 'Take over',
  },
  picture: {
    controls: 'Zoom',
    more: (count: number) => `and ${count} more`,
  },
  secret: { once: 'Copy it now: it is shown this once.' },
  failure: { remedy: 'What to do:' },
  shell: {
    skip: 'Skip to the content',
    rail: 'Truffle',
    navigation: 'Pages',
    organization: 'Organization',
    project: 'Project',
    appearance: 'Switch between light and dark',
    noOrganization: 'There is no such organization, or you have no access to it.',
    stale: 'Not connected: what you see may be old. The connection broke',
  },
  palette: {
    open: 'Search (Ctrl K)',
    title: 'Go to',
    placeholder: 'Search pages, projects, clusters…',
    nothing: 'Nothing of that name.',
    pages: 'Pages',
    projects: 'Projects',
  },
  notice: {
    retry: 'Try again',
    addFactor: 'Add a second factor',
    request: 'Request',
    notFound: 'There is no page here',
    home: 'Go to the start',
  },
  copy: { copy: 'Copy', copied: 'Copied' },
  time: { never: 'never' },
} as const;
