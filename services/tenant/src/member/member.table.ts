/** What an organization demands of one of its members. */
export interface MemberTable {
  org_id: string;
  user_id: string;
  /** A session whose person last proved who they are before this does not reach the organization. */
  proof_after: Date;
}
