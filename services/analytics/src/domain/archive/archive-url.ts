/** Where an archive is: `file:///folder` or `s3://bucket/prefix?endpoint=https://host&region=name`. */
import { fileURLToPath } from 'node:url'

export type ArchivePlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | {
      readonly kind: 's3'
      /** Without a slash at its end. */
      readonly endpoint: string
      readonly region: string
      readonly bucket: string
      /** Empty, or with a slash at its end. */
      readonly prefix: string
    }

/** Throws an Error that says what was expected. */
export function readArchiveUrl(text: string): ArchivePlace {
  const url = URL.parse(text)
  if (url?.protocol === 'file:' && url.host === '' && url.search === '')
    return { kind: 'folder', folder: fileURLToPath(url) }
  if (url?.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{1,62}$/.test(url.hostname) || url.username !== '')
    throw new Error(`must be file:///folder or s3://bucket/prefix?endpoint=URL&region=NAME, not "${text}"`)
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region')
      throw new Error(`has a parameter "${name}" that is not known`)
  }
  const region = url.searchParams.get('region') ?? 'us-east-1'
  const endpoint = url.searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`
  if (!/^https?:\/\/[^/?#]+\/?$/.test(endpoint))
    throw new Error(`has an endpoint that is not a URL of a host`)
  const path = url.pathname.replace(/^\/+|\/+$/g, '')
  const prefix = path === '' ? '' : `${path}/`
  return { kind: 's3', endpoint: endpoint.replace(/\/$/, ''), region, bucket: url.hostname, prefix }
}
