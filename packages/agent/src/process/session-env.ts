import { userInfo } from 'node:os'

/** The variables of a session that any program expects: user, time zone, language. */
export function sessionOf(own: NodeJS.ProcessEnv): Record<string, string> {
  const session: Record<string, string> = {}
  for (const [name, value] of Object.entries(own))
    if (value && (names.has(name) || /^LC_[A-Z]+$/.test(name))) session[name] = value
  if (process.platform === 'win32') return session
  // Python's getpass reads these before the list of accounts, which may not have this user in a container.
  const user = own.USER || own.LOGNAME || accountName()
  return { ...session, USER: user, LOGNAME: own.LOGNAME || user }
}

const names = new Set([
  ...['USERNAME', 'TZ', 'TZDIR', 'LANG', 'LANGUAGE'],
  // Where locales are, on systems with an unusual place for them.
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
