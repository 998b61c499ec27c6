/** Where a person signs in; `?to=/path` is where the browser goes afterwards. */
export const SIGN_IN_PATH = '/sign-in'
/** Where the provider sends a browser back. */
export const CALLBACK_PATH = '/sign-in/callback'
/** Where a person allows a program on the same machine to act as them. */
export const COMMAND_LINE_PATH = '/sign-in/command-line'
/** Where a program on any machine begins to sign in. */
export const DEVICE_CODE_PATH = '/sign-in/device/code'
/** Where a person enters the code that such a program shows. */
export const DEVICE_PATH = '/sign-in/device'
/** Where programs exchange a code for a session. */
export const CODE_EXCHANGE_PATH = '/sign-in/token'
