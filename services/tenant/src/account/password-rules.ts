import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';
import { InvalidProblem } from '@truffle/kit';
import { isLeaked } from './leaked-passwords.ts';

/** A password that takes fewer guesses than this is refused: out of reach of guessing over the network for good, see zxcvbn's score 3. */
const fewestGuesses = 1e8;
/** Of a long password this much is looked at: the estimate costs time that grows with the length. */
const lookedAt = 64;
/** What is left of a password without the name of somebody or something that everybody knows must be this long. */
const fewestOwn = 8;
const shortestName = 4;

const leaksOften =
  'is among the passwords that leak most often; choose another: four or five words that you have used nowhere else';

let estimator: ZxcvbnFactory | undefined;

/** Made at the first use: the list of 40,000 breached passwords takes 15 MB. */
const estimatorOf = (): ZxcvbnFactory =>
  (estimator ??= new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: lookedAt }));

/**
 * Refuses a password that is easy to guess or among those that leak most often; nothing is demanded of its characters (NIST SP 800-63B).
 * `names` are what a guesser would try: the address, the organization. The length is the contract's.
 * @throws InvalidProblem that says what to do; `field` names it in the request
 */
export function checkPassword(password: string, names: readonly string[], field = 'password'): void {
  const description = problemWith(password.normalize('NFKC'), names);
  if (description !== undefined)
    throw new InvalidProblem([{ field, description, reason: 'WEAK_PASSWORD' }], 'WEAK_PASSWORD');
}

function problemWith(password: string, names: readonly string[]): string | undefined {
  const lower = password.toLowerCase();
  const known = names.flatMap((name) => [name, ...name.split(/[^\p{L}\p{N}]+/u)]).map((name) => name.toLowerCase());
  for (const name of known)
    if (name.length >= shortestName && lower.includes(name) && lower.replaceAll(name, '').length < fewestOwn)
      return 'is made of your address or a name; choose four or five words that have nothing to do with you';
  if (isLeaked(password)) return leaksOften;
  const { guesses, sequence } = estimatorOf().check(password.slice(0, lookedAt), [
    'truffle',
    ...known.filter((n) => n !== ''),
  ]);
  const leaked = sequence.some((part) => part.dictionaryName === 'passwords-common' && part.token === password);
  if (leaked) return leaksOften;
  if (guesses < fewestGuesses)
    return 'is too easy to guess; make it longer: four or five words, or let a password manager make one';
  return undefined;
}
