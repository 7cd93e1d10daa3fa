/** A text that may hold `${{ … }}` expressions. */
export type Text = string;

export type Scalar = string | number | boolean;
export type ParameterValue = Scalar | readonly Scalar[];
export type ParameterType = 'string' | 'integer' | 'number' | 'boolean' | 'array';

export interface Metadata {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly summary: string;
  readonly license?: string;
  readonly icon?: string;
  readonly categories?: readonly string[];
}

/** How a secret is made when the person gives none. */
export interface Generate {
  /** Characters, 8 to 256. */
  readonly length: number;
  /** Characters to draw from; letters and digits unless told. */
  readonly charset?: 'alphanumeric' | 'hex' | 'digits';
}

export interface ParameterItems {
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  readonly enum?: readonly Scalar[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/** A JSON Schema subset, plus `secret` and `generate`. */
export interface Parameter {
  readonly type: ParameterType;
  readonly title?: string;
  readonly description?: string;
  readonly default?: ParameterValue;
  readonly enum?: readonly Scalar[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: ParameterItems;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly secret?: boolean;
  readonly generate?: Generate;
}

export interface Network {
  readonly name: Text;
}

/** Bounds of autoscaling: while `metric` is above `target` percent servers are added up to `max`. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly metric: 'cpu' | 'memory';
  readonly target: number;
}

/** A role: servers that are alike. */
export interface Role {
  readonly count: number | Text;
  readonly image: Text;
  readonly cpu: number | Text;
  readonly memory: Text;
  readonly disk: Text;
  readonly networks?: readonly Network[];
  readonly antiAffinity?: boolean;
  readonly scale?: Scale;
}

export interface Rollout {
  readonly strategy: 'rolling' | 'all';
  /** Servers changed at a time by `rolling`; 1 unless told. */
  readonly batch?: number;
  /** Roles, first to last; those of `on` as written unless told. */
  readonly order?: readonly string[];
}

/** A file the agent writes on each server before the steps run. */
export interface TemplateFile {
  readonly path: string;
  readonly content: Text;
  /** Octal, `"0644"` unless told. */
  readonly mode?: string;
  /** `user` or `user:group`, `root:root` unless told. */
  readonly owner?: string;
  /** A step that runs only when this file (or another that names it) changed. */
  readonly notify?: string;
}

/** A script the agent runs as root with `sh`; values reach it through `env` only. */
export interface Step {
  readonly name: string;
  readonly run: string;
  /** One expression that gives true or false. */
  readonly when?: Text;
  readonly env?: Readonly<Record<string, Text>>;
  /** A duration, `10m` unless told. */
  readonly timeout?: string;
  /** Whether it may be run again after an unknown end; true unless told. */
  readonly idempotent?: boolean;
}

export interface HttpCheck {
  readonly port: number | Text;
  readonly path: string;
  /** 200 unless told. */
  readonly status?: number;
}

/** Exactly one of `restartUnits` and `reboot`: what the agent does, by itself and at any time, about a server that stays unhealthy. */
export interface Remedy {
  /** Units of systemd. */
  readonly restartUnits?: readonly string[];
  readonly reboot?: true;
  /** Checks in a row that must have failed; 3 unless told. */
  readonly failures?: number;
}

/** Exactly one of `tcp`, `http` and `exec`. */
export interface Health {
  readonly tcp?: number | Text;
  readonly http?: HttpCheck;
  readonly exec?: string;
  /** How long a server may take to become healthy; `60s` unless told. */
  readonly timeout?: string;
  /** `2s` unless told. */
  readonly interval?: string;
  /** Without one it is asked only while it is deployed. */
  readonly remedy?: Remedy;
}

export interface Deployment {
  readonly on: readonly string[];
  /** Deployments that must be done first. */
  readonly after?: readonly string[];
  readonly rollout?: Rollout;
  readonly files?: readonly TemplateFile[];
  readonly steps?: readonly Step[];
  readonly health?: Health;
}

/** A text, or its long form; a sensitive one may hold secrets and is evaluated by the agent alone. */
export type Output = Text | { readonly value: Text; readonly description?: string; readonly sensitive?: boolean };

/** A template as written, with absent top-level maps filled in by empty ones. */
export interface Template {
  readonly apiVersion: 'truffle.dev/v1';
  readonly kind: 'Template';
  readonly metadata: Metadata;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly servers: Readonly<Record<string, Role>>;
  readonly deployments: Readonly<Record<string, Deployment>>;
  readonly outputs: Readonly<Record<string, Output>>;
}
