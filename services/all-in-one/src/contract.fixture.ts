import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';
import { Audience } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';

const generated = resolve(import.meta.dirname, '../../../packages/api/gen/truffle');

/** Every service of the contract, found in the generated code: a new one is covered the day it is written. */
const everyServiceOfTheContract: readonly DescService[] = (
  await Promise.all(globSync(`${generated}/**/*_pb.js`).map((file) => import(file) as Promise<Record<string, unknown>>))
)
  .flatMap((module) => Object.values(module))
  .filter((value): value is DescService => (value as { kind?: unknown } | undefined)?.kind === 'service')
  .toSorted((a, b) => a.typeName.localeCompare(b.typeName));

/** Those that people and programs may call. */
export const publicServices = everyServiceOfTheContract.filter((service) =>
  service.methods.some((m) => rulesOf(m).audience === Audience.PUBLIC),
);
