import { FactorKind, FactorSchema } from '@truffle/api/tenant/v1/factor';
import type { Handler } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import type { View } from '../output/output.ts';
import { age, stateName } from '../output/text.ts';
import { askText, demandName } from '../prompt/prompt.ts';

const factorView: View<typeof FactorSchema> = {
  schema: FactorSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    KIND: (each) => (each.kind === FactorKind.TOTP ? 'authenticator app' : stateName(FactorKind, each.kind)),
    ADDED: (each, now) => age(each.createdAt, now),
    USED: (each, now) => age(each.lastUsedAt, now),
    ID: (each) => each.id,
  },
};

export const factors: Handler = async (cli) => {
  const { api } = await cli.session();
  const answer = await api.factors.listFactors({});
  await cli.out.list(factorView, answer.factors);
  if (answer.factors.length > 0) cli.notes.say(`${answer.recoveryCodesLeft} recovery codes are left`);
  else cli.notes.say('add one: truffle account add-app NAME, or a passkey in the console');
};

export const addApp: Handler = async (cli, [name = '']) => {
  const { api } = await cli.session();
  const { factorId, secret, uri } = await api.factors.startTotp({ name });
  cli.notes.say(`add this to your authenticator app: ${secret.replaceAll(/.{4}(?=.)/g, '$& ')}\n${uri}`);
  const code = (await askText(cli, 'Code that it shows', 'a terminal')).replaceAll(' ', '');
  const { factor, recoveryCodes } = await api.factors.confirmTotp({ factorId, code });
  await cli.out.plain(
    { id: factor?.id ?? factorId, name, recoveryCodes },
    [`${name} is added; sign-ins ask for its codes`, ...recoveryCodes].join('\n'),
    recoveryCodes.join('\n'),
  );
  if (recoveryCodes.length > 0)
    cli.notes.say('keep these recovery codes: each is good once, and this is the only time that they are shown');
};

export const removeFactor: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const { api } = await cli.session();
  const all = (await api.factors.listFactors({})).factors;
  const { id } = findByName('second factor', name, all, ['truffle account factors']);
  await demandName(cli, `removes the second factor ${name}`, name, yes);
  await api.factors.deleteFactor({ factorId: id });
  await cli.out.plain({ id, deleted: true }, `${name} is removed`, name);
};

export const recoveryCodes: Handler = async (cli) => {
  const { api } = await cli.session();
  const { recoveryCodes: codes } = await api.factors.regenerateRecoveryCodes({});
  await cli.out.plain({ recoveryCodes: codes }, codes.join('\n'), codes.join('\n'));
  cli.notes.say('each is good once; the old ones are void, and this is the only time that these are shown');
};
