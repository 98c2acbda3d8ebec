/** The link that the prober follows: part of every fleet's database, in a domain that no visitor reaches. */
import { probeLink } from '@linkfleet/contracts/probe'
import { connectToPrimary } from './primary.ts'

/** Makes the link if it is not there. It has no outbox row: caches fill themselves from replicas. */
export async function ensureProbeLink(databaseUrl: string): Promise<void> {
  const client = await connectToPrimary(databaseUrl, 'linkfleet-probe-link')
  try {
    await client.query(
      `INSERT INTO links.links
        (domain_id, code, version, created_version, target_url, title, created_by, created_at, updated_at)
       SELECT $1, $2, v.version, v.version, 'https://example.com/', 'The link that the prober follows', 'linkfleet', now(), now()
       FROM nextval('links.version_seq') AS v(version)
       WHERE NOT EXISTS (SELECT FROM links.links WHERE domain_id = $1 AND code = $2)
       ON CONFLICT (domain_id, code) DO NOTHING`,
      [probeLink.domainId, probeLink.code],
    )
  } finally {
    await client.end()
  }
}
