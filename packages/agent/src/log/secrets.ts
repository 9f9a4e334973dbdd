/** Masks secrets in a text that leaves the agent. */
export type Mask = (text: string) => string

/** Shorter values are words or numbers, which are common in logs. */
const shortest = 6
/** The least length of a line of a multi-line value, such as a private key, that is masked. */
const shortestLine = 12

/** The secrets of this agent, masked in the logs and errors of its runs. */
export class Secrets {
  readonly #values = new Set<string>()

  constructor(values: (string | undefined)[] = []) {
    for (const value of values) this.add(value)
  }

  add(value: string | undefined): void {
    for (const part of partsOf(value ?? '')) this.#values.add(part)
  }

  /** Masks them, those of a run's environment, and its module's variables, in one search, since floods are long. */
  mask(env: NodeJS.ProcessEnv = {}, given: Record<string, string> = {}): Mask {
    const values = [
      ...new Set([...this.#values, ...[...secretsIn(env), ...secretsAmong(given)].flatMap(partsOf)]),
    ]
    // Longer ones first, since one may be part of another.
    values.sort((a, b) => b.length - a.length)
    const any = new RegExp([...values.map(literally), signature].join('|'), 'g')
    return (text) => text.replace(any, (_found, before?: string) => `${before ?? ''}***`)
  }
}

/** The signature of a presigned URL is a key until it expires. */
const signature = `([Xx]-[Aa]mz-(?:[Ss]ignature|[Cc]redential|[Ss]ecurity-[Tt]oken)=)[^&\\s"'<>]+`
const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The values of variables whose names suggest a secret, and passwords in addresses. */
export function secretsIn(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    if (soundsSecret(name) && !value.startsWith('/')) return [value]
    const password = /^[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/i.exec(value)?.[1]
    return password === undefined ? [] : [password]
  })
}

/**
 * The values of variables given to modules. They may be secrets whatever their names. Paths, numbers and addresses
 * without a password are not, and logs would be unreadable without them.
 */
function secretsAmong(given: Record<string, string>): string[] {
  const named = secretsIn(given)
  const others = Object.values(given).filter((value) => !isPlain(value))
  return [...new Set([...named, ...others])]
}

const isPlain = (value: string): boolean =>
  /^(?:true|false|[-+\d.,:]+|(?:[/~]|[A-Za-z]:[\\/]).*|[a-z][a-z0-9+.-]*:\/\/[^@?#]*)$/is.test(value.trim())

const words =
  /(^|[_.-])(key|apikey|secret|token|password|passwd|passphrase|pass|pwd|credentials?|auth)s?([_.-]|$)/i

/** `PWD` alone is the working directory. */
const soundsSecret = (name: string): boolean =>
  words.test(name.replace(/([a-z0-9])([A-Z])/g, '$1_$2')) && name !== 'PWD' && name !== 'OLDPWD'

function partsOf(value: string): string[] {
  const whole = value.trim()
  if (whole.length < shortest) return []
  const lines = whole.split(/\r?\n/)
  return lines.length === 1 ? [whole] : lines.filter((line) => line.trim().length >= shortestLine)
}
