import manifest from '../package.json' with { type: 'json' };

/** Version of the agent's program. */
export const version: string = manifest.version;
