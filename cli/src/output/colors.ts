import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

/** Whether a stream gets colours: `FORCE_COLOR` before `NO_COLOR` before `TERM=dumb` before whether it is a terminal. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return isTerminal && env['TERM'] !== 'dumb';
}

/** Colours, or functions that leave texts as they are. */
export const colorsFor = (env: NodeJS.ProcessEnv, isTerminal: boolean): Colors =>
  pc.createColors(wantsColor(env, isTerminal));
