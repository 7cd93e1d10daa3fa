import { durationPattern, quantityPattern } from './quantity.ts';
import { limits } from './limits.ts';

const expressionPattern = '^\\$\\{\\{[\\s\\S]*\\}\\}$';
const label = (length: number): string => `^[a-z]([-a-z0-9]{0,${length - 2}}[a-z0-9])?$`;

/** Lengths leave room for `<cluster>-<role>-<n>` in a DNS label of 63. */
export const namePatterns = {
  template: label(40),
  role: label(20),
  step: label(40),
  parameter: '^[a-z][a-zA-Z0-9_]{0,39}$',
  output: '^[a-z][a-zA-Z0-9_]{0,39}$',
} as const;

const text = (description: string, maxLength: number, minLength = 1) => ({
  type: 'string',
  description,
  minLength,
  maxLength,
});
const expressionOr = (description: string, literal: object) => ({
  description: `${description}, or an expression such as \${{ params.name }}`,
  anyOf: [literal, { type: 'string', pattern: expressionPattern }],
});
const named = (kind: string, pattern: string, maxProperties: number, values: object, minProperties = 0) => ({
  type: 'object',
  description: `${kind} by name`,
  propertyNames: { pattern, description: `a name of lower-case letters, digits and dashes that matches ${pattern}` },
  minProperties,
  maxProperties,
  additionalProperties: values,
});
const object = (description: string, required: readonly string[], properties: object) => ({
  type: 'object',
  description,
  required,
  additionalProperties: false,
  properties,
});
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const roleName = { type: 'string', pattern: namePatterns.role, description: 'the name of a role under servers' };

const metadata = object('What the template is called', ['name', 'version', 'title', 'summary'], {
  name: {
    type: 'string',
    pattern: namePatterns.template,
    description: 'a DNS label: lower-case letters, digits and dashes, at most 40',
  },
  version: {
    type: 'string',
    pattern:
      '^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]{1,40})?(\\+[0-9A-Za-z.-]{1,40})?$',
    description: 'a semantic version such as 1.4.0',
  },
  title: text('the name people read', 80),
  summary: text('one sentence', 300),
  license: {
    type: 'string',
    pattern: '^[A-Za-z0-9.+() -]{1,80}$',
    description: 'an SPDX expression such as Apache-2.0',
  },
  icon: text('an emoji or the name of an icon', 200),
  categories: {
    type: 'array',
    maxItems: 8,
    uniqueItems: true,
    items: { type: 'string', pattern: label(30), description: 'a category such as database' },
  },
});

const bounds = {
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  minLength: { type: 'integer', minimum: 0, maximum: limits.textLength },
  maxLength: { type: 'integer', minimum: 0, maximum: limits.textLength },
  pattern: {
    type: 'string',
    minLength: 1,
    maxLength: limits.patternLength,
    description: "a regular expression in RE2's syntax, at most 200 characters",
  },
};
const scalar = { type: ['string', 'number', 'boolean'] };
const scalarEnum = { type: 'array', minItems: 1, maxItems: 100, uniqueItems: true, items: scalar };

const parameter = object('A value the person who deploys gives', ['type'], {
  type: { enum: ['string', 'integer', 'number', 'boolean', 'array'] },
  title: text("the label of the form's field", 80),
  description: text('help beside the field', 500),
  default: {
    description: "a value of the parameter's own type",
    anyOf: [scalar, { type: 'array', maxItems: 100, items: scalar }],
  },
  enum: scalarEnum,
  ...bounds,
  items: object('What an array holds', ['type'], {
    type: { enum: ['string', 'integer', 'number', 'boolean'] },
    enum: scalarEnum,
    ...bounds,
  }),
  minItems: { type: 'integer', minimum: 0, maximum: 100 },
  maxItems: { type: 'integer', minimum: 0, maximum: 100 },
  secret: { type: 'boolean', description: "sealed to the site's agent; never readable by the control plane" },
  generate: object('Makes the secret when none is given', ['length'], {
    length: { type: 'integer', minimum: 8, maximum: 256 },
    charset: { enum: ['alphanumeric', 'hex', 'digits'] },
  }),
});

const quantity = (of: string) => expressionOr(`${of} such as 4GiB`, { type: 'string', pattern: quantityPattern });
const role = object('Servers that are alike', ['count', 'image', 'cpu', 'memory', 'disk'], {
  count: expressionOr(`how many servers, from 0 to ${limits.serversPerRole}`, {
    type: 'integer',
    minimum: 0,
    maximum: limits.serversPerRole,
  }),
  image: expressionOr('the name of an image of the site such as debian-12', {
    type: 'string',
    pattern: '^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$',
  }),
  cpu: expressionOr('virtual processors, from 1 to 256', { type: 'integer', minimum: 1, maximum: 256 }),
  memory: quantity('an amount of memory'),
  disk: quantity('an amount of disk'),
  networks: {
    type: 'array',
    maxItems: 8,
    items: object('A network of the site', ['name'], {
      name: expressionOr('the name of a network such as lan', {
        type: 'string',
        pattern: '^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62}[a-zA-Z0-9])?$',
      }),
    }),
  },
  antiAffinity: { type: 'boolean', description: "true keeps the role's servers on different nodes where it can" },
  scale: object('Bounds of autoscaling', ['min', 'max', 'metric', 'target'], {
    min: { type: 'integer', minimum: 0, maximum: limits.serversPerRole },
    max: { type: 'integer', minimum: 1, maximum: limits.serversPerRole },
    metric: { enum: ['cpu', 'memory'] },
    target: { type: 'integer', minimum: 1, maximum: 100, description: 'per cent' },
  }),
});

const duration = (what: string) => ({
  type: 'string',
  pattern: durationPattern,
  description: `${what}: a duration such as 60s, 500ms or 5m`,
});
const port = (what: string) =>
  expressionOr(`${what}, from 1 to 65535`, { type: 'integer', minimum: 1, maximum: 65535 });

const file = object('A file written before the steps run', ['path', 'content'], {
  path: {
    type: 'string',
    maxLength: 255,
    pattern: '^(/(?!\\.{1,2}(/|$))[A-Za-z0-9._@+-]+)+$',
    description: 'an absolute path without . or .. and without shell characters',
  },
  content: {
    type: 'string',
    maxLength: limits.textLength,
    description: 'the text of the file; expressions and secrets are allowed',
  },
  mode: { type: 'string', pattern: '^0?[0-7]{3}$', description: 'octal permissions in quotes, such as "0644"' },
  owner: {
    type: 'string',
    pattern: '^[a-z_][a-z0-9_-]{0,31}(:[a-z_][a-z0-9_-]{0,31})?$',
    description: 'user or user:group',
  },
  notify: {
    type: 'string',
    pattern: namePatterns.step,
    description: 'the name of a step that runs only when the file changed',
  },
});
const step = object('A script run as root', ['name', 'run'], {
  name: {
    type: 'string',
    pattern: namePatterns.step,
    description: 'a name of lower-case letters, digits and dashes, at most 40',
  },
  run: {
    type: 'string',
    minLength: 1,
    maxLength: limits.textLength,
    description: 'a POSIX shell script without expressions; values reach it through env',
  },
  when: {
    type: 'string',
    pattern: expressionPattern,
    description: 'one expression that gives true or false, such as ${{ server.index == 0 }}',
  },
  env: {
    type: 'object',
    maxProperties: 50,
    description: "the script's environment; expressions and secrets are allowed",
    propertyNames: {
      pattern: '^[A-Z_][A-Z0-9_]{0,63}$',
      description: 'a name of capital letters, digits and underscores',
    },
    additionalProperties: { type: 'string', maxLength: limits.textLength },
  },
  timeout: duration('how long it may run'),
  idempotent: { type: 'boolean', description: 'false when it must not be run again after an unknown end' },
});
const remedy = {
  ...object(
    'What the agent does by itself about a server that stays unhealthy: exactly one of restartUnits and reboot',
    [],
    {
      restartUnits: {
        type: 'array',
        minItems: 1,
        maxItems: 8,
        uniqueItems: true,
        items: {
          type: 'string',
          maxLength: 120,
          pattern: '^[A-Za-z0-9][A-Za-z0-9:_.@-]*$',
          description: 'the name of a systemd unit such as postgresql or app@1.service',
        },
      },
      reboot: { const: true, description: 'true: the VM is restarted' },
      failures: {
        type: 'integer',
        minimum: 1,
        maximum: 20,
        description: 'how many checks in a row must have failed, from 1 to 20; 3 unless told',
      },
    },
  ),
  oneOf: [{ required: ['restartUnits'] }, { required: ['reboot'] }],
};
const health = {
  ...object('What makes a server healthy: exactly one of tcp, http and exec', [], {
    tcp: port('a port that accepts connections'),
    http: object('A request that must be answered', ['port', 'path'], {
      port: port('the port to ask'),
      path: {
        type: 'string',
        pattern: '^/[A-Za-z0-9._~/%?=&+-]{0,200}$',
        description: 'an absolute path such as /healthz',
      },
      status: { type: 'integer', minimum: 100, maximum: 599 },
    }),
    exec: text('a shell command that must exit with 0; no expressions', 2000),
    timeout: duration('how long it may take to become healthy'),
    interval: duration('how often it is asked'),
    remedy: ref('remedy'),
  }),
  oneOf: [{ required: ['tcp'] }, { required: ['http'] }, { required: ['exec'] }],
};

const deployment = object('What runs on the servers', ['on'], {
  on: { type: 'array', minItems: 1, maxItems: 20, uniqueItems: true, items: roleName },
  after: {
    type: 'array',
    maxItems: 20,
    uniqueItems: true,
    items: { type: 'string', pattern: namePatterns.role, description: 'the name of another deployment' },
  },
  rollout: object('In which order and how many at a time', ['strategy'], {
    strategy: { enum: ['rolling', 'all'] },
    batch: { type: 'integer', minimum: 1, maximum: limits.serversPerRole },
    order: { type: 'array', maxItems: 20, uniqueItems: true, items: roleName },
  }),
  files: { type: 'array', maxItems: 50, items: ref('file') },
  steps: { type: 'array', maxItems: 50, items: ref('step') },
  health: ref('health'),
});

const outputValue = text('what people need to use the cluster; expressions are allowed', 4000);
const output = {
  description: 'a text, or an object with value, description and sensitive',
  anyOf: [
    outputValue,
    object('An output in its long form', ['value'], {
      value: outputValue,
      description: text('help beside the output', 500),
      sensitive: { type: 'boolean', description: 'true when it holds a secret: only the agent evaluates it' },
    }),
  ],
};

/** The JSON Schema (2020-12) of a template: editors, the CLI, the console's form and the server all read this one. */
export const templateSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://truffle.dev/schemas/template-v1.json',
  title: 'Truffle template',
  ...object('A template of a cluster of virtual machines', ['apiVersion', 'kind', 'metadata', 'servers'], {
    apiVersion: { const: 'truffle.dev/v1' },
    kind: { const: 'Template' },
    metadata: ref('metadata'),
    parameters: named('Parameters', namePatterns.parameter, 100, ref('parameter')),
    servers: named('Roles of servers', namePatterns.role, 20, ref('role'), 1),
    deployments: named('Deployments', namePatterns.role, 20, ref('deployment')),
    outputs: named('Outputs', namePatterns.output, 50, output),
  }),
  $defs: { metadata, parameter, role, deployment, file, step, health, remedy },
} as const;
