import { describe, expect, it } from 'vitest';
import { placeOf, sampleSource } from './fixture.ts';
import { type RefusalCase, problemsOf, refusalOf } from './refusal.fixture.ts';

const expressions: readonly RefusalCase[] = [
  [
    'an unknown parameter',
    '${{ params.replicas }}',
    '${{ params.replica }}',
    'UNKNOWN_REFERENCE',
    'servers.replica.count',
    'replica }}',
    /did you mean params.replicas\?/,
  ],
  [
    'an unknown name',
    '${{ params.replicas }}',
    '${{ parms.replicas }}',
    'UNKNOWN_REFERENCE',
    'servers.replica.count',
    'parms',
    /did you mean params\?/,
  ],
  [
    'a role that is not declared',
    '${{ servers.primary[0].address }}:5432',
    '${{ servers.primry[0].address }}:5432',
    'UNKNOWN_REFERENCE',
    'outputs.url',
    'primry',
    /did you mean servers.primary\?/,
  ],
  [
    'a field that servers do not have',
    'servers.primary[0].address }}:5432',
    'servers.primary[0].adress }}:5432',
    'UNKNOWN_REFERENCE',
    'outputs.url',
    'adress',
    /server.address/,
  ],
  [
    'servers where there are none yet',
    '${{ params.replicas }}',
    '${{ size(servers.primary) }}',
    'UNKNOWN_REFERENCE',
    'servers.replica.count',
    'servers.primary)',
    /params/,
  ],
  [
    'an unknown function',
    '${{ params.replicas }}',
    '${{ sizee(params.database) }}',
    'UNKNOWN_REFERENCE',
    'servers.replica.count',
    'sizee',
    /did you mean size\?/,
  ],
  [
    'a text as count',
    '${{ params.replicas }}',
    '${{ params.database }}',
    'EXPRESSION_TYPE',
    'servers.replica.count',
    'params.database }}\n',
    /int/,
  ],
  [
    'a mixture as count',
    '${{ params.replicas }}',
    '1${{ params.replicas }}',
    'INVALID_VALUE',
    'servers.replica.count',
    '1${{',
    /expression/,
  ],
  [
    'a number as condition',
    "${{ server.role == 'replica' }}",
    '${{ server.index }}',
    'EXPRESSION_TYPE',
    'deployments.database.steps[1].when',
    'server.index',
    /bool/,
  ],
  [
    'an int and a text',
    "server.role == 'replica'",
    "server.index == 'replica'",
    'EXPRESSION_TYPE',
    'deployments.database.steps[1].when',
    "== 'replica'",
    /int/,
  ],
  [
    'a text plus a number',
    '${{ params.database }}\n',
    '${{ params.database + 1 }}\n',
    'EXPRESSION_TYPE',
    'deployments.database.files[0].content',
    '+ 1',
    /int and int/,
  ],
  [
    'what cannot be read',
    '${{ params.replicas }}',
    '${{ params. }}',
    'EXPRESSION_SYNTAX',
    'servers.replica.count',
    '. }}\n    image',
    /CEL/,
  ],
  [
    'nothing',
    '${{ params.database }}\n',
    '${{ }}\n',
    'EXPRESSION_SYNTAX',
    'deployments.database.files[0].content',
    ' }}\n          password',
    /such as/,
  ],
  [
    'an expression without end',
    '${{ params.database }}\n',
    '${{ params.database }\n',
    'EXPRESSION_SYNTAX',
    'deployments.database.files[0].content',
    '${{ params.database }\n',
    /end/,
  ],
  [
    'an expression in a script',
    'run: join "$PRIMARY"',
    'run: join ${{ server.address }}',
    'EXPRESSION_NOT_ALLOWED',
    'deployments.database.steps[1].run',
    '${{ server.address }}',
    /env/,
  ],
  [
    'a secret in a count',
    '${{ params.replicas }}',
    '${{ size(params.password) }}',
    'SECRET_EXPOSED',
    'servers.replica.count',
    'password) }}',
    /sensitive/,
  ],
  [
    'a secret in a condition',
    "server.role == 'replica'",
    "params.password == 'replica'",
    'SECRET_EXPOSED',
    'deployments.database.steps[1].when',
    'password == ',
    /sensitive/,
  ],
  [
    'a secret by index',
    "server.role == 'replica'",
    "params['password'] == 'replica'",
    'SECRET_EXPOSED',
    'deployments.database.steps[1].when',
    "['password']",
    /sensitive/,
  ],
  [
    'a secret by a computed name',
    "server.role == 'replica'",
    "params['pass' + 'word'] == 'x'",
    'EXPRESSION_TYPE',
    'deployments.database.steps[1].when',
    " + 'word'",
    /written out/,
  ],
  [
    'a secret in an output',
    '${{ params.database }}"\n',
    '${{ params.password }}"\n',
    'SECRET_EXPOSED',
    'outputs.url',
    'password }}"\n',
    /sensitive/,
  ],
  [
    'a sensitive output in another',
    '${{ params.database }}"\n',
    '${{ outputs.dsn }}"\n',
    'SECRET_EXPOSED',
    'outputs.url',
    'dsn }}',
    /sensitive/,
  ],
  [
    'outputs in a circle',
    '${{ params.database }}"\n',
    '${{ outputs.url }}"\n',
    'CYCLE',
    'outputs.url',
    'url: "postgres',
    /circles/,
  ],
  [
    'defaults in a circle',
    'default: app',
    'default: "${{ params.database }}"',
    'CYCLE',
    'parameters.database',
    'database: { type',
    /circles/,
  ],
];

describe('expressions', () => {
  it.each(expressions)('refuses %s', (_what, piece, by, code, path, pointed, said) => {
    const { found, place, wanted } = refusalOf(piece, by, code, path, pointed);
    expect(found?.code).toBe(code);
    expect(place).toEqual(wanted);
    expect(`${found?.message} ${found?.expected}`).toMatch(said);
  });
});

describe('places inside quoted and folded texts', () => {
  it.each([
    ['single quotes', `'it''s \${{ params.databse }}'`],
    ['double quotes with escapes', `"a\\tb \\"c\\" \${{ params.databse }}"`],
    ['a folded block', `>-\n    some words\n    and more \${{ params.databse }}`],
    ['a literal block', `|\n    some words\n\n    and more \${{ params.databse }}`],
    ['a plain text over lines', `some words\n    and more \${{ params.databse }}`],
  ])('%s', (_name, text) => {
    const source = sampleSource.replace(/ {2}url: .*\n/, () => `  url: ${text}\n`);
    const found = problemsOf(source).find((each) => each.path === 'outputs.url');
    expect({ line: found?.line, column: found?.column }).toEqual(placeOf(source, 'databse'));
  });
});
