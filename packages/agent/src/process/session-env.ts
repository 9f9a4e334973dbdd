import { userInfo } from 'node:os'

/** What any program expects of the session that it runs in: whose it is, its time zone, its language. */
export function sessionOf(own: NodeJS.ProcessEnv): Record<string, string> {
  const session: Record<string, string> = {}
  for (const [name, value] of Object.entries(own))
    if (value && (names.has(name) || /^LC_[A-Z]+$/.test(name))) session[name] = value
  if (process.platform === 'win32') return session
  // Python's getpass asks these before the list of accounts, which need not have this user in a container.
  const user = own.USER || own.LOGNAME || accountName()
  return { ...session, USER: user, LOGNAME: own.LOGNAME || user }
}

const names = new Set([
  ...['USERNAME', 'TZ', 'TZDIR', 'LANG', 'LANGUAGE'],
  // Where locales lie, on systems that have them at a place of their own.
  ...['LOCPATH', 'LOCALE_ARCHIVE'],
])

let account: string | undefined
function accountName(): string {
  account ??= lookUpAccount()
  return account
}

function lookUpAccount(): string {
  try {
    return userInfo().username
  } catch {
    return `uid${process.getuid?.() ?? ''}` // this user has no account
  }
}
