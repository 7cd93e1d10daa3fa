import type { Handler } from '../command.ts';
import type { Setting } from '../context/context.ts';
import { UsageError } from '../failure/cli-error.ts';
import { nearest } from '../failure/nearest.ts';
import { card, table } from '../output/table.ts';

export const show: Handler = async (cli) => {
  const { endpoint, token, org, project } = cli.context();
  const from = (each: Setting | undefined): { value: string; source: string } | null =>
    each === undefined ? null : { value: each.value, source: each.source };
  const hidden = token === undefined ? null : { value: `${token.value.slice(0, 8)}…`, source: token.source };
  const text = (each: { value: string; source: string } | null): string =>
    each === null ? 'not set' : `${each.value}  (${each.source})`;
  const settings = { endpoint: from(endpoint), token: hidden, org: from(org), project: from(project) };
  await cli.out.plain(
    { ...settings, config: cli.config.path, projectFile: cli.projectFile() ?? null },
    card([
      ...Object.entries(settings).map(([name, each]) => [name, text(each)] as const),
      ['config', cli.config.path],
      ['project file', cli.projectFile() ?? 'none'],
    ]),
    endpoint.value,
  );
};

export const list: Handler = async (cli) => {
  const { contexts, current } = cli.config.read();
  const rows = Object.entries(contexts).map(([name, each]) => ({
    name,
    current: name === current,
    endpoint: each.endpoint,
    user: each.user ?? null,
    signedIn: each.token !== undefined,
    org: each.org ?? null,
    project: each.project ?? null,
  }));
  await cli.out.plain(
    rows,
    table(
      ['', 'NAME', 'ENDPOINT', 'AS', 'ORG', 'PROJECT'],
      rows.map((each) => [
        each.current ? '*' : '',
        each.name,
        each.endpoint,
        each.signedIn ? (each.user ?? '-') : 'signed out',
        each.org ?? '-',
        each.project ?? '-',
      ]),
    ),
    rows.map((each) => each.name).join('\n'),
  );
};

export const use: Handler = async (cli, [name]) => {
  const { contexts, current } = cli.config.read();
  const chosen = name ?? cli.flags.context ?? current;
  const stored = chosen === undefined ? undefined : contexts[chosen];
  if (chosen === undefined || stored === undefined) {
    const near = chosen === undefined ? undefined : nearest(chosen, Object.keys(contexts));
    throw new UsageError(
      chosen === undefined
        ? 'you have signed in nowhere yet'
        : `there is no context ${JSON.stringify(chosen)}${near === undefined ? '' : `; did you mean ${near}?`}`,
      { next: ['truffle context list', 'truffle login'] },
    );
  }
  const { org, project } = cli.flags;
  cli.config.change((config) => ({
    ...config,
    current: chosen,
    // A project belongs to its organization: another one makes it void.
    contexts: {
      ...config.contexts,
      [chosen]: {
        ...stored,
        ...(org === undefined ? {} : { org, project: undefined }),
        ...(project === undefined ? {} : { project }),
      },
    },
  }));
  const now = cli.config.read().contexts[chosen];
  await cli.out.plain(
    { name: chosen, endpoint: stored.endpoint, org: now?.org ?? null, project: now?.project ?? null },
    `commands go to ${stored.endpoint}${now?.org === undefined ? '' : `, organization ${now.org}`}${now?.project === undefined ? '' : `, project ${now.project}`}`,
    chosen,
  );
  const local = cli.projectFile();
  if (local !== undefined) cli.notes.warn(`in this folder ${local} comes first`);
};
