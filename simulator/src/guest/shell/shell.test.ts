import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../random.ts';
import { newVm } from '../../vm/vm.ts';
import { Guests } from '../guests.ts';
import { runScript } from './run.ts';

const clock = systemClock();
const guests = new Guests({ clock, random: systemRandom });
const vm = newVm(100, 'pve1', { name: 'box', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' });
guests.boot(vm);

afterEach(() => guests.get(100)?.disk.remove('/t'));

async function run(script: string, stdin = ''): Promise<{ code: number; out: string }> {
  const guest = guests.get(100);
  if (guest === undefined) throw new Error('the guest is off');
  let out = '';
  const take = (chunk: Buffer): void => {
    out += chunk.toString('utf8');
  };
  const code = await runScript(guest, script, {
    user: 'root',
    stdin: () => Promise.resolve(Buffer.from(stdin)),
    stdout: take,
    stderr: take,
  });
  return { code, out };
}

const CASES: [name: string, script: string, out: string, code?: number][] = [
  ['quotes', `a="x y"; printf '%s|' "$a" $a 'lit $a' "q\\"q"`, 'x y|x|y|lit $a|q"q|'],
  [
    'defaults',
    'echo ${none:-d} ${#HOME} ${none-e}; f=a.tar.gz; echo ${f%.gz} ${f%%.*} ${f#*.} ${f##*.}',
    'd 5 e\na.tar a tar.gz gz\n',
  ],
  ['substitution', 'x=$(echo "a b" | tr a-z A-Z); echo "$x" $(echo $(echo deep)) `echo old`', 'A B deep old\n'],
  ['arithmetic', 'i=0; while [ $i -lt 3 ]; do i=$((i + 1)); done; echo $((i * 2 > 5 ? 7 : 1)) $i', '7 3\n'],
  ['conditions', 'if false; then echo a; elif [ -d /etc ] && ! [ -e /no ]; then echo b; else echo c; fi', 'b\n'],
  ['case', 'for w in one.txt two; do case "$w" in *.txt) echo text;; one|two) echo word;; esac; done', 'text\nword\n'],
  ['functions', 'say() { local x="$1"; echo "<$x>"; return 3; }; say hi || echo $?', '<hi>\n3\n'],
  ['here-documents', `n=5\ncat <<EOF\nn=$n\nEOF\ncat <<'EOF'\n$n\nEOF`, 'n=5\n$n\n'],
  ['errexit', 'set -e; false || true; if false; then :; fi; ! true; echo on; false; echo never', 'on\n', 1],
  ['nounset', 'set -u; echo a; echo $nothing; echo never', 'a\nsh: nothing: parameter not set\n', 2],
  ['pipefail', 'set -o pipefail; false | cat; echo $?; true | cat; echo $?', '1\n0\n'],
  ['subshell', 'x=1; (x=2; cd /tmp; exit 4); echo $? $x', '4 1\n'],
  ['traps', 'trap "echo bye" EXIT; echo hi; exit 2', 'hi\nbye\n', 2],
  [
    'redirections',
    'mkdir -p /t; { echo out; echo err >&2; } > /t/o 2>&1; cat /t/o; echo more >> /t/o; wc -l < /t/o',
    'out\nerr\n3 \n'.replace('3 ', '3'),
  ],
  ['writing in place', 'mkdir -p /t; echo abcdef > /t/p; echo xy 1<> /t/p; cat /t/p', 'xy\ndef\n'],
  ['positional', 'sh -c \'echo $0 $1 "$@" $#\' name a "b c"', 'name a a b c 2\n'],
  [
    'globs',
    'mkdir -p /t/d; touch /t/d/a.c /t/d/b.c /t/d/x; cd /t/d; echo *.c /t/d/*',
    'a.c b.c /t/d/a.c /t/d/b.c /t/d/x\n',
  ],
  [
    'edits',
    `mkdir -p /t; printf 'a=1\\nb=2\\n' > /t/f; sed -i 's/^b=.*/b=3/' /t/f; grep -E '^b' /t/f | cut -d= -f2; awk -F= '{print $1}' /t/f`,
    '3\na\nb\n',
  ],
  ['read', 'printf "a b\\nc d\\n" | while read -r x y; do echo "$y $x"; done', 'b a\nd c\n'],
  ['syntax', 'if true; then', 'sh: 1: Syntax error: "fi" expected\n', 2],
  ['missing file', '/opt/none', 'sh: /opt/none: not found\n', 127],
  ['time-outs', 'timeout 0.01 sh -c "while true; do sleep 0.005; done"; echo $?', '124\n'],
  [
    'checksums',
    'cd /tmp; curl -fsSL -o s https://x.example/r/sha256sum-amd64.txt; curl -fsSLO https://x.example/r/k3s; grep " k3s\\$" s | sha256sum -c -',
    'k3s: OK\n',
  ],
];

test.each(CASES)('%s', async (_name, script, out, code = 0) => {
  expect(await run(script)).toEqual({ code, out });
});

test('a script that never ends is ended', async () => {
  expect((await run('while :; do :; done')).code).toBe(2);
});

test('a hostile nesting is refused', async () => {
  expect((await run('('.repeat(5000))).code).toBe(2);
});

test('everything stops when the machine goes down', async () => {
  const running = run('while true; do sleep 0.005; done');
  guests.powerOff(100);
  expect((await running).code).toBe(137);
  guests.boot(vm);
});
