import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { ClientCertificate, HttpProxy, Route } from '../../egress/route.ts'
import { KubernetesError } from './errors.ts'

/** What authenticates requests to an API server, beside a client certificate. */
export type ClusterCredential =
  | { readonly kind: 'TOKEN'; readonly token: string }
  /** A file on this host, read for each request: the token of a service account is replaced every hour. */
  | { readonly kind: 'TOKEN_FILE'; readonly path: string }
  | { readonly kind: 'BASIC'; readonly username: string; readonly password: string }

/** How the API server of a cluster is reached. It holds secrets. */
export interface ClusterConnection {
  /** `https://api.example:6443`, perhaps with a path; without a slash at its end. */
  readonly server: string
  /** PEM certificates trusted in addition to public authorities; null for none. */
  readonly ca: string | null
  /** Accepts any certificate of the server. */
  readonly insecure: boolean
  /** Null for none. */
  readonly credential: ClusterCredential | null
  /** Null for none. */
  readonly client: ClientCertificate | null
  /** Null for none. */
  readonly proxy: HttpProxy | null
}

/** Bytes of a token file. */
const MAX_TOKEN = 64 * 1024

/** Returns the route of connections to the cluster. */
export function routeOf({ ca, client, proxy }: ClusterConnection): Route {
  const parts = { ca: ca === null ? [] : [ca], client, proxy }
  return { id: `kubernetes ${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`, ...parts }
}

/** Value of `Authorization`, and the texts in it that no message may contain. */
export interface ClusterAuthorization {
  readonly header: string | null
  readonly secrets: readonly string[]
}

/** Returns what a request sends. Rejects with KubernetesError if the token file cannot be read. */
export async function authorizationOf(credential: ClusterCredential | null): Promise<ClusterAuthorization> {
  if (credential === null) return { header: null, secrets: [] }
  if (credential.kind === 'BASIC') {
    const { username, password } = credential
    const login = Buffer.from(`${username}:${password}`).toString('base64')
    return { header: `Basic ${login}`, secrets: [login, password] }
  }
  const token = credential.kind === 'TOKEN' ? credential.token : await readToken(credential.path)
  return { header: `Bearer ${token}`, secrets: [token] }
}

async function readToken(path: string): Promise<string> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new KubernetesError(`cannot use the token file ${path}: ${problem}`, {
      status: null,
      reason: 'Unauthorized',
      cause,
    })
  }
  try {
    await using file = await open(path)
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_TOKEN) })
    const token = buffer.toString('utf8', 0, bytesRead).trim()
    return isToken(token) ? token : fail('it contains no token')
  } catch (error) {
    if (error instanceof KubernetesError) throw error
    return fail('it cannot be read', error)
  }
}

/** Reports whether the text can be sent as a token. Source: RFC 6750 §2.1, and the characters of older tokens. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)
