import { ensureInstallation, readHostFile } from '@truffle/kit';
import { readSettings, secret, text } from '@truffle/config';
import { migrate } from '@truffle/database';
import { createLogger } from '@truffle/telemetry';
import { everyMigration } from './services.ts';

const settings = {
  adminUrl: secret('TRUFFLE_DATABASE_ADMIN_URL', "a superuser's URL of the database, for making roles"),
  installation: text('TRUFFLE_INSTALLATION_DIR', "folder with this installation's secrets; what is missing is made"),
};

const logger = createLogger('migrate');
try {
  const { adminUrl, installation: folder } = readSettings(settings, process.env, readHostFile);
  const installation = ensureInstallation(folder);
  await migrate({
    adminUrl,
    passwords: installation.databasePasswords,
    contextMaster: installation.contextMaster,
    services: everyMigration,
  });
  logger.info('the database is up to date');
} catch (error) {
  logger.fatal({ err: error }, 'could not migrate');
  process.exitCode = 1;
}
