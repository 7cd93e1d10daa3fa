import { create, fromBinary, toBinary, type DescMessage, type DescService } from '@bufbuild/protobuf';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ClusterService, ListClustersRequestSchema } from '@truffle/api/orchestration/v1/cluster_service';
import { afterAll, expect, test } from 'vitest';
import { withoutOptions } from '../../lean-descriptors.ts';

const generated = resolve(
  import.meta.dirname,
  '../../../packages/api/gen/truffle/orchestration/v1/cluster_service_pb.js',
);
const source = readFileSync(generated, 'utf8');
const lean = withoutOptions(source);
// Beside the original, so that what it imports is found.
const folder = mkdtempSync(join(dirname(generated), '.lean-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('what a page loads of the contract is the contract without its options, and says the same on the wire', async () => {
  expect(lean.length).toBeLessThan(source.length * 0.9);
  expect(lean).not.toMatch(/fileDesc\([^)]*file_(?:buf|google_api|truffle_options)/);
  const file = join(folder, 'lean.mjs');
  writeFileSync(
    file,
    lean.replaceAll(
      /from "(\.[^"]*)"/g,
      (_, path: string) => `from ${JSON.stringify(resolve(dirname(generated), path))}`,
    ),
  );
  const module = (await import(file)) as { ListClustersRequestSchema: DescMessage; ClusterService: DescService };
  const asked = { projectId: 'prj_1', name: 'shop', orderBy: 'name desc', page: { size: 7, token: 't' } };
  const bytes = toBinary(module.ListClustersRequestSchema, create(module.ListClustersRequestSchema, asked));
  expect(fromBinary(ListClustersRequestSchema, bytes)).toMatchObject(asked);
  expect(Object.keys(module.ClusterService.method)).toEqual(Object.keys(ClusterService.method));
  for (const method of module.ClusterService.methods) expect(method.proto.options?.$unknown ?? []).toEqual([]);
});
