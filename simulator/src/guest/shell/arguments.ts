/** Options and operands of a command line. */
export interface Arguments {
  /** Letters and long names that were given; with their value when they take one. */
  options: Map<string, string>;
  operands: string[];
}

/** Splits words the way getopt does; `valued` are the options that take a value. */
export function readArguments(args: readonly string[], valued: readonly string[] = []): Arguments {
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const [name = '', value] = word.slice(2).split(/=(.*)/s);
      if (value !== undefined || !valued.includes(name)) options.set(name, value ?? '');
      else options.set(name, args[(at += 1)] ?? '');
    } else if (word.startsWith('-') && word.length > 1) at = readLetters(args, at, valued, options);
    else operands.push(word);
  }
  return { options, operands };
}

function readLetters(
  args: readonly string[],
  at: number,
  valued: readonly string[],
  options: Map<string, string>,
): number {
  const word = args[at] ?? '';
  for (let letter = 1; letter < word.length; letter += 1) {
    const name = word[letter] ?? '';
    if (!valued.includes(name)) {
      options.set(name, '');
      continue;
    }
    const rest = word.slice(letter + 1);
    options.set(name, rest === '' ? (args[at + 1] ?? '') : rest);
    return rest === '' ? at + 1 : at;
  }
  return at;
}
