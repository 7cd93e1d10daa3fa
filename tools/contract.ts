import { globSync } from 'node:fs';
import { join } from 'node:path';
import {
  getOption,
  hasOption,
  ScalarType,
  type DescField,
  type DescMethod,
  type DescService,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { publicServices } from '@truffle/api';
import { http } from '@truffle/api/google/api/annotations';
import { Audience, Idempotency } from '@truffle/api/options/v1/method';
import { compileRoutes, ContractError, knownPermissions, rulesOf } from '@truffle/kit';
import { field as bounds } from '../packages/api/gen/buf/validate/validate_pb.js';
import { root, type Findings } from './command.ts';

const generatedFolder = 'packages/api/gen/truffle';

/** Rules about methods' options that go beyond what the kit refuses to start with. */
export async function contract(): Promise<Findings> {
  const services = await everyService();
  const problems = services.flatMap((service) => problemsOf(service));
  try {
    compileRoutes(services);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    problems.push(error.message);
  }
  const needed = new Set(services.flatMap((s) => s.methods).map((m) => optionsOf(m)?.permission ?? ''));
  for (const permission of knownPermissions())
    if (!needed.has(permission)) problems.push(`a role has ${permission}, which no method asks for`);
  return { problems };
}

async function everyService(): Promise<readonly DescService[]> {
  const files = globSync(`${generatedFolder}/**/*_pb.js`, { cwd: root });
  const modules = await Promise.all(files.map((file) => import(join(root, file)) as Promise<Record<string, unknown>>));
  return modules
    .flatMap((m) => Object.values(m))
    .filter((value): value is DescService => (value as { kind?: unknown } | undefined)?.kind === 'service');
}

/** The rules of a method; undefined when the kit finds fault with them. */
function optionsOf(method: DescMethod): ReturnType<typeof rulesOf> | undefined {
  try {
    return rulesOf(method);
  } catch (error) {
    if (error instanceof ContractError) return undefined;
    throw error;
  }
}

function problemsOf(service: DescService): string[] {
  const problems = service.methods.flatMap((method) => {
    try {
      rulesOf(method);
      return faultsOf(method).map((fault) => `${service.typeName}/${method.name}: ${fault}`);
    } catch (error) {
      if (error instanceof ContractError) return [error.message];
      throw error;
    }
  });
  const audiences = new Set(service.methods.map((m) => optionsOf(m)?.audience));
  if (audiences.size > 1) problems.push(`${service.typeName}: has methods for several audiences; one service has one`);
  if (audiences.has(Audience.PUBLIC) !== publicServices.includes(service))
    problems.push(`${service.typeName}: is public, or in the public client, but not both`);
  return problems;
}

function faultsOf(method: DescMethod): string[] {
  const rules = rulesOf(method);
  const isPublic = rules.audience === Audience.PUBLIC;
  const faults: string[] = [];
  if (isPublic && !hasOption(method, http)) faults.push('is public but has no REST binding');
  const safe = rules.idempotency === Idempotency.SAFE;
  const declared = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (isPublic && safe !== declared)
    faults.push('must say idempotency_level = NO_SIDE_EFFECTS if and only if it is safe');
  if (getOption(method, http).pattern.case === 'get' && !safe) faults.push('has an effect but is a GET');
  if (rules.permission !== '' && !knownPermissions().has(rules.permission))
    faults.push(`needs ${rules.permission}, which no role has`);
  if (isPublic)
    for (const field of method.input.fields)
      if (/_ids?$/.test(field.name) && isText(field))
        faults.push(...idFaults(field, rules.resource === field.name || inPath(method, field)));
  return faults;
}

/** Ids that name what a call is about have a pattern; others (a filter that may be empty) at least a bound. */
function idFaults(field: DescField, strict: boolean): string[] {
  const all = getOption(field, bounds).type;
  const one = all.case === 'repeated' ? all.value.items?.type : all;
  const text = one?.case === 'string' ? one.value : undefined;
  if (text !== undefined && text.pattern !== '') return [];
  if (!strict && text !== undefined && text.maxLen > 0n) return [];
  return [`${field.name} has no ${strict ? 'pattern' : 'bound'}`];
}

const isText = (field: DescField): boolean => field.scalar === ScalarType.STRING && field.fieldKind !== 'map';

const inPath = (method: DescMethod, field: DescField): boolean => {
  const { value } = getOption(method, http).pattern;
  return typeof value === 'string' && value.includes(`{${field.name}}`);
};
