/** An archive in a bucket of S3 or of what speaks its protocol. Addresses are path-style, which all of them know. */
import { AwsClient } from 'aws4fetch'
import type { ArchivePlace } from '../../domain/archive/archive-url.ts'
import type { ArchiveStore } from '../../ports.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Empty when there is none. */
  readonly sessionToken: string
}

const timeoutMs = 30_000
/** The content of a segment, compressed; more is none of ours. */
const contentBytesMax = 300 * 1_048_576
const errorBytesMax = 300

export function openArchiveS3(
  place: ArchivePlace & { readonly kind: 's3' },
  { accessKeyId, secretAccessKey, sessionToken }: S3Credentials,
): ArchiveStore {
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === '' ? {} : { sessionToken }),
    service: 's3',
    region: place.region,
    // The archiver itself tries again.
    retries: 0,
  })
  const urlOf = (name: string) => `${place.endpoint}/${place.bucket}/${place.prefix}${name}`
  const send = async (name: string, init: RequestInit & { headers?: Record<string, string> }) =>
    await client.fetch(urlOf(name), {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
  return {
    async put(name, content) {
      const response = await send(name, {
        method: 'PUT',
        // The name is the hash of the content, which the server compares: what arrived otherwise is refused.
        headers: {
          'x-amz-content-sha256': name,
          'x-amz-checksum-sha256': Buffer.from(name, 'hex').toString('base64'),
        },
        body: new Uint8Array(content),
      })
      if (!response.ok) throw new Error(await problemOf(response))
      await response.arrayBuffer()
    },
    async get(name) {
      const response = await send(name, { method: 'GET' })
      if (response.status === 404 && (await response.clone().text()).includes('NoSuchKey')) return undefined
      if (!response.ok) throw new Error(await problemOf(response))
      return await readBounded(response)
    },
  }
}

async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > contentBytesMax) throw new Error('The bucket answered with more than a segment can have.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function problemOf(response: Response): Promise<string> {
  const text = (await response.text()).replace(/\s+/g, ' ').slice(0, errorBytesMax)
  return `The bucket answered ${response.status}: ${text}`
}
