import { TemplateSchema, TemplateVersionSchema } from '@truffle/api/template/v1/template';
import type { View } from '../output/output.ts';
import { age, when } from '../output/text.ts';

export const templateView: View<typeof TemplateSchema> = {
  schema: TemplateSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    LATEST: (each) => each.latestVersion,
    SUMMARY: (each) => each.summary,
    PUBLISHER: (each) => each.publisher || '-',
    CATEGORIES: (each) => each.categories.join(', '),
  },
};

export const versionView: View<typeof TemplateVersionSchema> = {
  schema: TemplateVersionSchema,
  name: (each) => `${each.templateName}@${each.version}`,
  columns: {
    VERSION: (each) => each.version,
    DIGEST: (each) => each.digest.slice(0, 19),
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
  card: (each) => [
    ['template', `${each.templateName}@${each.version}`],
    ['id', each.id],
    ['digest', each.digest],
    ['created', when(each.createdAt)],
    ...parametersOf(each.parametersSchema),
  ],
};

interface ParameterSchema {
  readonly type?: string;
  readonly title?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly writeOnly?: boolean;
}

/** A line for each parameter: its type, what it is by default and what it is for. */
function parametersOf(schema: object | undefined): [string, string][] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    readonly properties?: Readonly<Record<string, ParameterSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, each]) => {
    const facts = [
      each.writeOnly === true ? 'secret' : (each.type ?? 'any'),
      each.default === undefined
        ? required.includes(name)
          ? 'required'
          : each.writeOnly === true
            ? 'made on the site unless given'
            : ''
        : `default ${JSON.stringify(each.default)}`,
      each.enum === undefined ? '' : `one of ${each.enum.join(', ')}`,
      each.title ?? '',
    ];
    return [`  ${name}`, facts.filter(Boolean).join('; ')];
  });
}
