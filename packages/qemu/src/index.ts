export { QemuError, type QemuFault } from './error.ts';
export { Disks, type DiskFacts, type DiskSnapshot } from './disk/disk.ts';
export { type GuestImage, imageFileName, imageText, readImage } from './image/image.ts';
export { awaitBanner } from './machine/banner.ts';
export { reachCard } from './machine/command-line.ts';
export {
  isShortEnough,
  type Lan,
  lanOf,
  listMachines,
  type MachineBoot,
  type MachineCard,
  type MachineRecord,
  type MachineSpec,
  macOf,
  makeMachine,
  placesOf,
  readRecord,
  removeMachine,
  replaceFile,
  writeRecord,
} from './machine/machine.ts';
export { askShutdown, cutPower, lastOutput, resetMachine, startMachine } from './machine/power.ts';
export { findProcess, isSame, type MachineProcess, usageOf } from './machine/process.ts';
export { wakeMachine } from './machine/wake.ts';
export { growRunning, listSnapshots, removeSnapshot, takeSnapshot } from './machine/snapshot.ts';
export { GuestAgent, type GuestCard, type GuestRan, withGuestAgent } from './monitor/guest-agent.ts';
export { type Accel, type AccelChoice, chooseAccel } from './program/accel.ts';
export { findQemu, type QemuPrograms, qemuVersion } from './program/programs.ts';
export { seedImage, type SeedCard, type SeedFacts } from './seed/seed.ts';
