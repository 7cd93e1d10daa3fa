// A program that takes the lock of a data folder, says so, and keeps it.
import { lockDataFolder } from './lock.ts';

lockDataFolder(process.argv[2] ?? '');
process.stdout.write('locked\n');
setInterval(() => undefined, 1000);
