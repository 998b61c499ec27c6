/** Returns the token of `Bearer …`; undefined for another form. */
export const bearerIn = (authorization: string | undefined): string | undefined =>
  /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]

/** Reports whether the text has the form of a JSON Web Token, which no other credential has. */
export const isJsonWebToken = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)
