import { create, type Message } from '@bufbuild/protobuf';
import { ClusterService, ListClustersRequestSchema } from '@truffle/api/orchestration/v1/cluster_service';
import {
  ListTemplatesRequestSchema,
  ListTemplatesResponseSchema,
  TemplateService,
} from '@truffle/api/template/v1/template_service';
import { InvalidPageTokenError } from '@truffle/database';
import { describe, expect, test } from 'vitest';
import { nobody } from './caller.ts';
import { PageTokens } from './page-token.ts';

const tokens = new PageTokens(Buffer.alloc(32, 1));
const list = TemplateService.method.listTemplates;
const orgId = `org_${'0'.repeat(26)}`;
const caller = { ...nobody, subject: 'user:usr_1', orgId };
const asked = create(ListTemplatesRequestSchema, { orgId, name: 'a', page: { size: 2 } });
const answer = create(ListTemplatesResponseSchema, { page: { next: 'MTph' } });
const given = tokens.close(list, caller, asked, answer).page?.next ?? '';
const withToken = (token: string, rest: object = {}) =>
  create(ListTemplatesRequestSchema, { orgId, name: 'a', ...rest, page: { size: 2, token } });
const opened = (message: Message): string => (message as typeof asked).page?.token ?? '';

describe('a page token', () => {
  test('goes on with its list, whatever size the next page has, and over a service that passes it on', () => {
    expect(opened(tokens.open(list, caller, withToken(given)))).toBe('MTph');
    const larger = create(ListTemplatesRequestSchema, { orgId, name: 'a', page: { size: 100, token: given } });
    expect(tokens.open(list, caller, larger).page).toMatchObject({ size: 100, token: 'MTph' });
    const asService = { ...caller, subject: 'svc:billing', onBehalfOf: caller.subject };
    expect(opened(tokens.open(list, asService, withToken(given)))).toBe('MTph');
    const outer = tokens.close(list, caller, asked, create(ListTemplatesResponseSchema, { page: { next: given } }));
    expect(opened(tokens.open(list, caller, withToken(outer.page?.next ?? '')))).toBe(given);
  });

  test('is none on the first page, and none follows the last', () => {
    expect(tokens.open(list, caller, asked)).toBe(asked);
    const last = create(ListTemplatesResponseSchema, { page: { next: '' } });
    expect(tokens.close(list, caller, asked, last)).toBe(last);
  });

  test.each([
    ['another organization', () => tokens.open(list, { ...caller, orgId: `org_${'1'.repeat(26)}` }, withToken(given))],
    ['another caller', () => tokens.open(list, { ...caller, subject: 'key:key_1' }, withToken(given))],
    ['another filter', () => tokens.open(list, caller, withToken(given, { name: 'b' }))],
    ['no filter', () => tokens.open(list, caller, withToken(given, { name: '' }))],
    [
      'another list',
      () =>
        tokens.open(
          ClusterService.method.listClusters,
          caller,
          create(ListClustersRequestSchema, withToken(given) as object),
        ),
    ],
    ['another installation', () => new PageTokens(Buffer.alloc(32, 2)).open(list, caller, withToken(given))],
    ['a list that says something else', () => tokens.open(list, caller, withToken(given.replace('MTph', 'MTpi')))],
    ['nobody', () => tokens.open(list, caller, withToken('MTph'))],
    ['nobody, with an empty seal', () => tokens.open(list, caller, withToken('MTph.'))],
    ['nobody, with a cut seal', () => tokens.open(list, caller, withToken(given.slice(0, -2)))],
    ['nobody, in another spelling', () => tokens.open(list, caller, withToken(`${given}=`))],
  ])('of %s is refused', (_of, open) => expect(open).toThrow(InvalidPageTokenError));

  test('altered in any one place is refused', () => {
    for (let at = 0; at < given.length; at++)
      for (const other of ['A', 'B', '.', '\0']) {
        const altered = given.slice(0, at) + other + given.slice(at + 1);
        if (altered !== given)
          expect(() => tokens.open(list, caller, withToken(altered)), altered).toThrow(InvalidPageTokenError);
      }
  });
});
