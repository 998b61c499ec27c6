/**
 * Returns the password of `Basic …`, whose user name is ignored; undefined for another form. The user name may have colons, as that
 * of a Kubernetes service account (`system:serviceaccount:team:ci`), and no credential has one. Source: RFC 7617.
 */
export function passwordIn(authorization: string): string | undefined {
  const [, encoded] = /^basic +(\S+)$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  return /:([^:]*)$/.exec(Buffer.from(encoded, 'base64').toString())?.[1]
}
