export * from './template.ts';
export { type Place, type Problem, type ProblemCode, problemCodes } from './problem.ts';
export { limits } from './limits.ts';
export { namePatterns, templateSchema } from './schema.ts';
export { loadTemplate, type ParseResult, parseTemplateHere } from './parse.ts';
export { canonicalJson, digestOf } from './digest.ts';
export { compareVersions, isUpgrade } from './version.ts';
export { formatQuantity, parseDuration, parseQuantity } from './quantity.ts';
export {
  type GeneratedSecret,
  parametersSchema,
  type Parameters,
  parseSetFlag,
  type ResolvedParameters,
  resolveParameters,
  type SetFlag,
} from './parameters.ts';
export { expandServers, type ExpandedServers, type ServerSpec } from './servers.ts';
export { type Batch, type PlannedDeployment, type PlannedServer, rolloutPlan } from './rollout.ts';
export {
  type ClusterContext,
  type EvaluatedOutput,
  evaluateOutputs,
  type OutputsResult,
  renderDeployment,
  type RenderedDeployment,
  type RenderedFile,
  type RenderedHealth,
  type RenderedRemedy,
  type RenderedStep,
  type RenderResult,
  type Secrets,
  type ServerView,
} from './render.ts';
export { parseTemplate, type SandboxOptions, TemplateSandbox } from './sandbox.ts';
export { SandboxError } from './sandbox.thread.ts';
export { generateSecret } from './secret.ts';
