/** How connections for a request are made, if not by the server's settings. */
export interface Route {
  /** Requests share connections only with those of an equal id, which depends on all other fields. */
  readonly id: string
  /** Additional PEM certificates that are trusted for these connections. */
  readonly ca: readonly string[]
  /** Certificate for servers that request one; null for none. */
  readonly client: ClientCertificate | null
  /** Proxy for all connections; null for none. */
  readonly proxy: HttpProxy | null
}

/** A certificate, the chain below it, and its key: PEM. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** A proxy that tunnels with CONNECT, and forwards requests without TLS. */
export interface HttpProxy {
  /** `http://proxy.example:3128`, without a login. */
  readonly url: string
  /** Value of `Proxy-Authorization`, which only the proxy receives; null for none. */
  readonly authorization: string | null
}
