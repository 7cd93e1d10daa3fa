/** Where programs are, and where Node keeps what it compiled of our sources (`node --help` tells of `NODE_COMPILE_CACHE`). */
const passed = ['PATH', 'NODE_COMPILE_CACHE'];

/** What a program of ours that another one starts is given of the environment: the rest of it may hold anyone's secrets. */
export const programEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(passed.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
