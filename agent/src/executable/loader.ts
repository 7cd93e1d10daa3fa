import { createRequire, isBuiltin, registerHooks } from 'node:module';
import { getAsset } from 'node:sea';

// The first thing that the executable runs. The program lies in it chunk by chunk, and a chunk is taken out when it is first imported: an agent
// at rest holds a third of them. Nothing is ever loaded from the disk: who can write a file there must not become the agent.

/** Where the chunks seem to be. */
const root = process.platform === 'win32' ? 'file:///C:/truffle-agent/' : 'file:///truffle-agent/';
const start = 'start.mjs';

registerHooks({
  resolve: (specifier, context, next) => {
    if (isBuiltin(specifier)) return next(specifier, context);
    if (!specifier.startsWith('./'))
      throw Object.assign(new Error(`${specifier} is not in the executable`), { code: 'MODULE_NOT_FOUND' });
    return { url: new URL(specifier, root).href, format: 'module', shortCircuit: true };
  },
  load: (url, context, next) => {
    if (!url.startsWith(root)) return next(url, context);
    const name = url.slice(root.length);
    // The program awaits at its top level, which only an import may do.
    const source = name === start ? "import('./truffle-agent.mjs');" : getAsset(name, 'utf8');
    return { source, format: 'module', shortCircuit: true };
  },
});
createRequire(root)(`./${start}`);
