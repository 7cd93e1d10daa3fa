import type { Handler } from '../command.ts';
import { findTemplate, findVersion, listTemplates, listVersions } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { templateView, versionView } from './template.view.ts';

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(templateView, await listTemplates(await cli.session(), '', sort));
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(versionView, await findVersion(await cli.session(), name));
};

export const versions: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  await cli.out.list(versionView, await listVersions(session, (await findTemplate(session, name)).id));
};

export const show: Handler = async (cli, [name = '']) => {
  const { source, templateName, version } = await findVersion(await cli.session(), name);
  if (cli.out.format !== 'table')
    return cli.out.plain({ templateName, version, source }, '', `${templateName}@${version}`);
  for (const line of source.replace(/\n$/, '').split('\n')) cli.out.line(line);
};
