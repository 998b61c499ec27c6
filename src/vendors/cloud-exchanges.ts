import type { CloudExchanges } from '../remote/login/cloud-logins.ts'
import { loginToEcr } from './amazon/login.ts'
import { loginToAzure } from './azure/login.ts'
import { loginToGoogle } from './google/login.ts'

/** Exchanges of the keys of all supported clouds. */
export const cloudExchanges: CloudExchanges = {
  aws: loginToEcr,
  google: loginToGoogle,
  azure: loginToAzure,
}
