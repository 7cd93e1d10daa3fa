import type { Handler } from '../command.ts';
import { version } from '../version.ts';

export const printVersion: Handler = async (cli) => {
  await cli.out.plain(
    { version, node: process.versions.node, platform: `${process.platform}-${process.arch}` },
    `truffle ${version} (Node ${process.versions.node}, ${process.platform} ${process.arch})`,
    version,
  );
};
