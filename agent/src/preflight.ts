import type { SiteReport } from './site/driver.ts';

/**
 * Looks over the site that the file describes and prints what was found.
 * @param json the whole report as one line instead of text
 * @returns whether the site is ready
 * @throws SiteConfigError for a file that is wrong
 */
export async function preflight(
  configFile: string,
  dataFolder: string,
  json: boolean,
  print: (text: string) => void,
): Promise<boolean> {
  const { reportSite } = await import('./site/site.ts');
  const report = await reportSite(configFile, dataFolder);
  const ready = report.findings.length === 0;
  print(json ? JSON.stringify({ ...report, ready }) : textOf(report));
  return ready;
}

function textOf({ site, hypervisor, hypervisorVersion, findings }: SiteReport): string {
  const what = `${site}: ${hypervisor} ${hypervisorVersion === '' ? '(not reached)' : hypervisorVersion}`;
  if (findings.length === 0) return `${what}: ready`;
  const each = findings.flatMap(({ problem, remedy, commands }) => [
    `- ${problem}`,
    ...(remedy === '' ? [] : [`    ${remedy}`]),
    ...(commands.length === 0 ? [] : ['    As root on a node:', ...commands.map((command) => `      ${command}`)]),
  ]);
  return [`${what}: ${findings.length} ${findings.length === 1 ? 'problem' : 'problems'}`, ...each].join('\n');
}
