import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceKeys, type ServiceName } from './service-context.ts';

const names: readonly ServiceName[] = ['tenant', 'template', 'orchestration', 'billing', 'agent-gateway'];

/** One service's own key and everybody's public keys, from an installation's folder of them. */
export function loadServiceKeys(folder: string, service: ServiceName): ServiceKeys {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const trusted = Object.fromEntries(names.map((name) => [name, read(`${name}.pub.pem`)]));
  return new ServiceKeys(service, read(`${service}.key.pem`), trusted);
}
