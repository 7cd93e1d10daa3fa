import type { Handler } from '../command.ts';
import { findTemplate, findVersion, listTemplates, listVersions } from '../lookup/find.ts';
import { templateView, versionView } from './template.view.ts';

export const list: Handler = async (cli) => {
  await cli.out.list(templateView, await listTemplates(await cli.session()));
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
