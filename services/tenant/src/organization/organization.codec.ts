import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { OrganizationSchema, type Organization } from '@truffle/api/tenant/v1/tenancy';
import type { OrganizationRow } from './organization.repo.ts';

export const organizationMessage = (
  row: Pick<
    OrganizationRow,
    'org_id' | 'name' | 'title' | 'home_region' | 'revision' | 'created_at' | 'second_factor_required'
  >,
): Organization =>
  create(OrganizationSchema, {
    id: row.org_id,
    name: row.name,
    title: row.title,
    homeRegion: row.home_region,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
    secondFactorRequired: row.second_factor_required,
  });
