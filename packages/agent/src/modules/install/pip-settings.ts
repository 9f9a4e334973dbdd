import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The user's settings of pip for package sources; lists are separated by white space, as pip writes them. */
export type PipSettings = Partial<Record<'index-url' | 'extra-index-url' | 'trusted-host' | 'cert', string>>

const wanted = ['index-url', 'extra-index-url', 'trusted-host', 'cert'] as const

/**
 * Reads pip's configuration files and variables, in pip's order of precedence
 * (https://pip.pypa.io/en/stable/topics/configuration/).
 */
export function pipSettings(own: NodeJS.ProcessEnv): PipSettings {
  const settings: PipSettings = {}
  for (const file of configFiles(own)) Object.assign(settings, parsePipConfig(textOf(file)))
  for (const name of wanted) {
    const value = own[`PIP_${name.toUpperCase().replaceAll('-', '_')}`]
    if (value) settings[name] = value
  }
  return settings
}

/** The relevant settings of the sections `global` and `install`; the latter wins. A value may continue in indented lines. */
export function parsePipConfig(text: string): PipSettings {
  const sections: Record<string, Record<string, string>> = {}
  let section: Record<string, string> = {}
  let key = ''
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[(.+)\]\s*$/.exec(line)
    const pair = /^([^\s#;=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line)
    if (header) {
      section = {}
      sections[header[1] ?? ''] = section
    } else if (pair) {
      key = (pair[1] ?? '').replaceAll('_', '-')
      section[key] = (pair[2] ?? '').trim()
    } else if (/^\s+[^\s#;]/.test(line) && key) {
      section[key] = `${section[key]} ${line.trim()}`.trim()
    }
  }
  const all = { ...sections.global, ...sections.install }
  return Object.fromEntries(wanted.filter((name) => all[name]).map((name) => [name, all[name]]))
}

/** Variables that give uv, which reads no pip settings, the same packages. uv's own settings win. */
export function uvVariables(own: NodeJS.ProcessEnv, pip = pipSettings(own)): Record<string, string> {
  const variables: Record<string, string> = {}
  const { UV_DEFAULT_INDEX, UV_INDEX_URL, UV_INDEX, UV_EXTRA_INDEX_URL, UV_INSECURE_HOST, SSL_CERT_FILE } =
    own
  if (pip['index-url'] && !UV_DEFAULT_INDEX && !UV_INDEX_URL) variables.UV_DEFAULT_INDEX = pip['index-url']
  if (pip['extra-index-url'] && !UV_INDEX && !UV_EXTRA_INDEX_URL) variables.UV_INDEX = pip['extra-index-url']
  if (pip['trusted-host'] && !UV_INSECURE_HOST) variables.UV_INSECURE_HOST = pip['trusted-host']
  if (pip.cert && !SSL_CERT_FILE) variables.SSL_CERT_FILE = pip.cert
  return variables
}

function configFiles(own: NodeJS.ProcessEnv): string[] {
  if (own.PIP_CONFIG_FILE) return [own.PIP_CONFIG_FILE]
  if (process.platform === 'win32')
    return [own.ProgramData, own.APPDATA]
      .filter((folder) => !!folder)
      .map((folder) => join(folder ?? '', 'pip', 'pip.ini'))
  const home = own.HOME ?? ''
  const user = own.XDG_CONFIG_HOME ?? join(home, '.config')
  return [
    '/etc/xdg/pip/pip.conf',
    '/etc/pip.conf',
    join(home, '.pip', 'pip.conf'),
    join(user, 'pip', 'pip.conf'),
  ]
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // most machines have none of these files
  }
}
