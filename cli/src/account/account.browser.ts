import { spawn } from 'node:child_process';

/** Whether a browser was asked for; where none comes, the person has the address and the code. */
export function openBrowser(url: string, env: NodeJS.ProcessEnv): boolean {
  // Nothing but a plain address reaches another program.
  if (!/^https?:\/\/[\w.:[\]-]+(?:[/?][\w./?&=%:+~-]*)?$/.test(url)) return false;
  const [program, ...args] = opener(env);
  if (program === undefined) return false;
  spawn(program, [...args, url], { stdio: 'ignore', detached: true, env })
    .on('error', () => undefined)
    .unref();
  return true;
}

/** What opens an address here; empty where no desktop is to show it, as over SSH. */
function opener(env: NodeJS.ProcessEnv): readonly string[] {
  if (process.platform === 'darwin') return ['open'];
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const desktop = [env['DISPLAY'], env['WAYLAND_DISPLAY'], env['WSL_DISTRO_NAME']];
  return desktop.some((each) => each !== undefined && each !== '') ? ['xdg-open'] : [];
}
