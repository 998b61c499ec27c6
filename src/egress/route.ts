/** How connections for a request are made, where it is not as the server itself was started with. */
export interface Route {
  /** Requests share connections only with those of the same id: it changes with everything below. */
  readonly id: string
  /** PEM certificates trusted for these connections, beside those that are trusted anyway. */
  readonly ca: readonly string[]
  /** What a server that asks for a certificate is shown; null for nothing. */
  readonly client: ClientCertificate | null
  /** Through which all of it goes; null for none. */
  readonly proxy: HttpProxy | null
}

/** A certificate, the chain below it, and its key: PEM. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** A proxy that tunnels by CONNECT, and fetches what has no TLS. */
export interface HttpProxy {
  /** `http://proxy.example:3128`, without a login. */
  readonly url: string
  /** The value of `Proxy-Authorization`, for the proxy alone; null for none. */
  readonly authorization: string | null
}
