import { X509Certificate } from 'node:crypto';
import { type Finding, finding } from './finding.ts';
import { SiteConfigError } from './reader.ts';

const warnMs = 30 * 86_400_000;

/**
 * What is wrong with the authority that is pinned: the node's own certificate in its place breaks when that renews, and an authority ends too.
 * @throws SiteConfigError for a file that holds no certificate
 */
export function authorityFindings(pem: string, nowMs: number): readonly Finding[] {
  let pinned: X509Certificate;
  try {
    pinned = new X509Certificate(pem);
  } catch {
    throw new SiteConfigError('caFile', 'must hold a certificate in PEM, a copy of /etc/pve/pve-root-ca.pem');
  }
  if (!pinned.ca) {
    const remedy = 'Put a copy of /etc/pve/pve-root-ca.pem there.';
    return [
      finding('reach', 'caFile', 'caFile holds a node’s certificate, which renews, and not the cluster’s CA.', {
        remedy,
      }),
    ];
  }
  const ends = Date.parse(pinned.validTo);
  if (ends - nowMs > warnMs) return [];
  const remedy = 'Renew it on the cluster, then put a copy of /etc/pve/pve-root-ca.pem there.';
  return [finding('reach', 'caFile', `The cluster’s CA ends on ${pinned.validTo}.`, { remedy })];
}
