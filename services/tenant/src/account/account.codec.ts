import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UserSchema, type User } from '@truffle/api/tenant/v1/account';
import type { UserRow } from './account.repo.ts';

export const userMessage = (row: UserRow): User =>
  create(UserSchema, {
    id: row.id,
    email: row.email,
    name: row.name,
    locale: row.locale,
    createdAt: timestampFromDate(row.created_at),
    emailVerified: row.email_verified_at !== null,
  });
