import { type Value, type Variables, asText } from './evaluate.ts';
import { ExpressionError } from './expression.ts';
import { interpolate } from './interpolate.ts';
import { type Parameters, parameterVariables } from './parameters.ts';
import { catchRefusal, nowhere, type Problem, problem, Refusal } from './problem.ts';
import { parseDuration } from './quantity.ts';
import type { Deployment, Health, Step, Template, TemplateFile } from './template.ts';
import { UnclosedExpressionError } from './text.ts';

/** A server as expressions see it. */
export interface ServerView {
  readonly name: string;
  readonly role: string;
  /** Within its role, from 0. */
  readonly index: number;
  /** Empty until known. */
  readonly address: string;
}

/** What is known of a cluster when something of it is evaluated. */
export interface ClusterContext {
  readonly cluster: { readonly name: string; readonly id: string };
  readonly params: Parameters;
  /** All servers of the cluster. */
  readonly servers: readonly ServerView[];
}

/** Opened secrets by parameter; only the agent has them. */
export type Secrets = Readonly<Record<string, string>>;

export interface RenderedFile {
  readonly path: string;
  readonly content: string;
  /** Octal, such as `0644`. */
  readonly mode: string;
  /** `user:group`. */
  readonly owner: string;
  readonly notify?: string;
}

export interface RenderedStep {
  readonly name: string;
  /** The script as written. */
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly idempotent: boolean;
  /** Present on a step that files notify: it runs only when one of these files changed since it last ran. */
  readonly onChangeOf?: readonly string[];
}

/** `units` empty: the VM is restarted. */
export interface RenderedRemedy {
  readonly units: readonly string[];
  readonly failures: number;
}

export type RenderedHealth = {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly remedy?: RenderedRemedy;
} & (
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'http'; readonly port: number; readonly path: string; readonly status: number }
  | { readonly kind: 'exec'; readonly run: string }
);

/** What the agent does on one server: write the files, run the steps in order, ask for health. */
export interface RenderedDeployment {
  readonly files: readonly RenderedFile[];
  /** Without those whose `when` is false. */
  readonly steps: readonly RenderedStep[];
  readonly health?: RenderedHealth;
}

export type RenderResult =
  | ({ readonly ok: true } & RenderedDeployment)
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Renders a deployment for one server. Secrets reach files' content and steps' environment, nothing else.
 * Without `secrets` (in the control plane) a deployment that reads them is refused.
 * @param server must be one of `context.servers`
 */
export function renderDeployment(
  template: Template,
  name: string,
  server: ServerView,
  context: ClusterContext,
  secrets: Secrets = {},
): RenderResult {
  return catchRefusal((): RenderResult => {
    const deployment = Object.hasOwn(template.deployments, name) ? template.deployments[name] : undefined;
    if (deployment === undefined)
      throw new Refusal([
        problem('UNKNOWN_REFERENCE', `deployments.${name}`, nowhere, `There is no deployment ${name}`),
      ]);
    return { ok: true, ...new Renderer(template, `deployments.${name}`, server, context, secrets).render(deployment) };
  });
}

class Renderer {
  readonly #path: string;
  /** For `when` and health, which are the control plane's business too. */
  readonly #open: Variables;
  /** For what only the agent renders. */
  readonly #sealed: Variables;

  constructor(template: Template, path: string, server: ServerView, context: ClusterContext, secrets: Secrets) {
    this.#path = path;
    this.#open = { ...clusterVariables(template, context), server: serverValue(server) };
    this.#sealed = { ...this.#open, params: parameterVariables(template, context.params, secrets) };
  }

  render(deployment: Deployment): RenderedDeployment {
    const files = (deployment.files ?? []).map((file, at) => this.#file(file, at));
    const steps = (deployment.steps ?? []).flatMap((step, at) => this.#step(step, at, files));
    return deployment.health === undefined
      ? { files, steps }
      : { files, steps, health: this.#health(deployment.health) };
  }

  #file(file: TemplateFile, at: number): RenderedFile {
    const owner = file.owner ?? 'root';
    const rendered = {
      path: file.path,
      content: asText(evaluateAt(`${this.#path}.files[${at}].content`, file.content, this.#sealed)),
      mode: (file.mode ?? '0644').padStart(4, '0'),
      owner: owner.includes(':') ? owner : `${owner}:${owner}`,
    };
    return file.notify === undefined ? rendered : { ...rendered, notify: file.notify };
  }

  #step(step: Step, at: number, files: readonly RenderedFile[]): readonly RenderedStep[] {
    const path = `${this.#path}.steps[${at}]`;
    if (step.when !== undefined && evaluateAt(`${path}.when`, step.when, this.#open) !== true) return [];
    const env = Object.entries(step.env ?? {}).map(
      ([name, text]) => [name, asText(evaluateAt(`${path}.env.${name}`, text, this.#sealed))] as const,
    );
    const notifiers = files.filter((file) => file.notify === step.name).map((file) => file.path);
    const rendered = {
      name: step.name,
      run: step.run,
      env: Object.fromEntries(env),
      timeoutMs: parseDuration(step.timeout ?? '10m') ?? 600_000,
      idempotent: step.idempotent ?? true,
    };
    return [notifiers.length === 0 ? rendered : { ...rendered, onChangeOf: notifiers }];
  }

  #health(health: Health): RenderedHealth {
    const times = {
      timeoutMs: parseDuration(health.timeout ?? '60s') ?? 60_000,
      intervalMs: parseDuration(health.interval ?? '2s') ?? 2_000,
      ...(health.remedy === undefined
        ? {}
        : { remedy: { units: health.remedy.restartUnits ?? [], failures: health.remedy.failures ?? 3 } }),
    };
    if (health.exec !== undefined) return { kind: 'exec', run: health.exec, ...times };
    if (health.http === undefined) return { kind: 'tcp', port: this.#port('tcp', health.tcp ?? 0), ...times };
    const { path, port, status = 200 } = health.http;
    return { kind: 'http', port: this.#port('http.port', port), path, status, ...times };
  }

  #port(key: string, value: number | string): number {
    const path = `${this.#path}.health.${key}`;
    const port = typeof value === 'number' ? value : Number(evaluateAt(path, value, this.#open));
    if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
    throw new Refusal([
      problem('INVALID_VALUE', path, nowhere, `${port} is no port`, 'a whole number from 1 to 65535'),
    ]);
  }
}

function evaluateAt(path: string, text: string, variables: Variables): Value {
  try {
    return interpolate(text, variables);
  } catch (error) {
    if (error instanceof UnclosedExpressionError)
      throw new Refusal([problem('EXPRESSION_SYNTAX', path, nowhere, error.message)]);
    if (!(error instanceof ExpressionError)) throw error;
    throw new Refusal([problem(error.code, path, nowhere, error.message, error.expected)]);
  }
}

function serverValue(server: ServerView): Value {
  return { name: server.name, role: server.role, index: BigInt(server.index), address: server.address };
}

function clusterVariables(template: Template, context: ClusterContext): Variables {
  const roles = Object.keys(template.servers).map((role) => {
    const members = context.servers.filter((each) => each.role === role).toSorted((a, b) => a.index - b.index);
    return [role, members.map(serverValue)] as const;
  });
  return {
    params: parameterVariables(template, context.params),
    servers: Object.fromEntries<Value>(roles),
    cluster: { name: context.cluster.name, id: context.cluster.id },
  };
}

/** An output as people see it; `value` is absent from a sensitive one that was evaluated without its secrets. */
export interface EvaluatedOutput {
  readonly name: string;
  readonly description?: string;
  readonly sensitive: boolean;
  readonly value?: string;
}

export type OutputsResult =
  | { readonly ok: true; readonly outputs: readonly EvaluatedOutput[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Evaluates a template's outputs, sorted by name.
 * @param secrets given by the agent alone; without them sensitive outputs are named and not evaluated
 */
export function evaluateOutputs(template: Template, context: ClusterContext, secrets?: Secrets): OutputsResult {
  return catchRefusal((): OutputsResult => {
    const base = clusterVariables(template, context);
    const done = new Map<string, string>();
    const valueOf = (name: string): string => {
      const known = done.get(name);
      if (known !== undefined) return known;
      const { path, text, sensitive } = formOf(template, name);
      const params = sensitive ? parameterVariables(template, context.params, secrets) : (base['params'] ?? {});
      const others = [...text.matchAll(/outputs\s*(?:\.\s*(\w+)|\[\s*['"](\w+)['"]\s*\])/g)].map(
        (found) => found[1] ?? found[2] ?? '',
      );
      const outputs = Object.fromEntries(
        others.filter((each) => Object.hasOwn(template.outputs, each)).map((each) => [each, valueOf(each)]),
      );
      const value = asText(evaluateAt(path, text, { ...base, params, outputs }));
      done.set(name, value);
      return value;
    };
    const outputs = Object.keys(template.outputs)
      .toSorted()
      .map((name) => {
        const { sensitive, description } = formOf(template, name);
        const shown = { name, sensitive, ...(description === undefined ? {} : { description }) };
        return sensitive && secrets === undefined ? shown : { ...shown, value: valueOf(name) };
      });
    return { ok: true, outputs };
  });
}

function formOf(
  template: Template,
  name: string,
): { path: string; text: string; sensitive: boolean; description?: string } {
  const output = template.outputs[name] ?? '';
  if (typeof output === 'string') return { path: `outputs.${name}`, text: output, sensitive: false };
  const form = { path: `outputs.${name}.value`, text: output.value, sensitive: output.sensitive ?? false };
  return output.description === undefined ? form : { ...form, description: output.description };
}
