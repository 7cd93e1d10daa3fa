import { expect, it } from 'vitest';
import { commandLine, readCommandLine } from './command-line.ts';
import { lanOf, macOf, type MachineRecord } from './machine.ts';

const record: MachineRecord = {
  spec: {
    name: 'web-1',
    uuid: '00000000-0000-4000-8000-000000000001',
    cpu: 2,
    memoryMib: 512,
    cards: [{ mac: macOf('here', 100, 0), lan: lanOf('here', 'lan') }],
    internet: false,
    boot: { kernel: '/k', initrd: '/i', append: 'quiet' },
  },
  labels: {},
};

it('is read back from a process, and only for the folder that it was started with', () => {
  const args = commandLine('/vm/100', record, { accel: 'tcg', sshPort: 4022 });
  expect(readCommandLine('/vm/100', args)).toEqual({ sshPort: 4022, cpu: 2, memoryMib: 512, accel: 'tcg' });
  expect(readCommandLine('/vm/10', args)).toBeUndefined();
  expect(readCommandLine('/vm/100', ['sleep', '60'])).toBeUndefined();
});

it('gives the guest no way out but where it is to have one', () => {
  const restricted = commandLine('/vm/100', record, { accel: 'tcg', sshPort: 4022 }).join(' ');
  expect(restricted).toContain('restrict=on');
  expect(restricted).toContain('hostfwd=tcp:127.0.0.1:4022-');
  const open = { ...record, spec: { ...record.spec, internet: true } };
  expect(commandLine('/vm/100', open, { accel: 'tcg', sshPort: 4022 }).join(' ')).toContain('restrict=off');
});

it('names networks and cards the same each time, and each its own', () => {
  expect(lanOf('here', 'lan')).toEqual(lanOf('here', 'lan'));
  expect(lanOf('here', 'lan')).not.toEqual(lanOf('there', 'lan'));
  expect(lanOf('here', 'lan').group).toMatch(/^239\.\d+\.\d+\.\d+$/);
  expect(macOf('here', 100, 0)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  expect(new Set([macOf('here', 100, 0), macOf('here', 100, 1), macOf('here', 101, 0)]).size).toBe(3);
});
