import { AwsV4Signer } from 'aws4fetch'
import type { CloudSecret } from '../../logins/registry-login.ts'

/** A request to one of Amazon's JSON APIs. */
export interface AwsCall {
  readonly url: URL
  /** `ecr`. */
  readonly service: string
  readonly region: string
  /** `AmazonEC2ContainerRegistry_V20150921.ListImages`. */
  readonly target: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Returns the headers of the request, signed with the access key. Source: AWS Signature Version 4. */
export async function signedHeaders(
  { accessKeyId, secretAccessKey, sessionToken }: CloudSecret & { kind: 'aws' },
  { url, service, region, target, body, now }: AwsCall,
): Promise<Readonly<Record<string, string>>> {
  const signer = new AwsV4Signer({
    url: url.href,
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
    body,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== null && { sessionToken }),
    service,
    region,
    datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ''),
  })
  return Object.fromEntries((await signer.sign()).headers)
}
