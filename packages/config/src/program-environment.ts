/** What of the environment has one of these names. */
export const passedOn = (env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

/**
 * What a program of ours that another one starts is given of the environment: where programs are, and where Node keeps what it compiled of
 * our sources. The rest of it may hold anyone's secrets.
 */
export const programEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  passedOn(env, ['PATH', 'NODE_COMPILE_CACHE']);
