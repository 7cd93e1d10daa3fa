import type { Input } from './shell.ts';

/** Input that is known from the start. */
export function textInput(text: string): Input {
  let at = 0;
  return {
    all: () => {
      const rest = text.slice(at);
      at = text.length;
      return Promise.resolve(rest);
    },
    line: () => {
      if (at >= text.length) return Promise.resolve(undefined);
      const end = text.indexOf('\n', at);
      const line = text.slice(at, end < 0 ? text.length : end + 1);
      at += line.length;
      return Promise.resolve(line);
    },
  };
}

/** Input that is still to come, such as what a client sends; nobody waits for it who does not read it. */
export function lateInput(whole: () => Promise<Buffer>): Input {
  let known: Input | undefined;
  const arrived = async (): Promise<Input> => (known ??= textInput((await whole()).toString('latin1')));
  return {
    all: async () => (await arrived()).all(),
    line: async () => (await arrived()).line(),
  };
}
