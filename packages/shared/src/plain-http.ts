/** The reach of an address: this machine, a private network, or the open internet. */
export type Reach = 'machine' | 'private' | 'open'

/** Judges the address alone: a private name has no dot, or one of the usual endings. */
export function reachOf(url: string): Reach {
  const host = new URL(url).hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
  if (/^(.*\.)?localhost$|^127\.\d+\.\d+\.\d+$|^::1$/.test(host)) return 'machine'
  const isPrivate = /^\d+(\.\d+){3}$/.test(host)
    ? /^(10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(host)
    : /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/.test(host) ||
      /\.(local|lan|internal|localdomain|home\.arpa|test)$/.test(host) ||
      !/[.:]/.test(host)
  return isPrivate ? 'private' : 'open'
}

/** The warning for an API address over which a key would travel in plain text; `null`: none. */
export function plainHttpWarning(url: string): string | null {
  if (new URL(url).protocol !== 'http:') return null
  const reach = reachOf(url)
  if (reach === 'machine') return null
  const who = reach === 'private' ? 'everybody in that network' : 'everybody on the way there'
  return `${new URL(url).origin} is plain HTTP: ${who} can read the key and the data, and change them. Use https (docs/deployment.md says how).`
}
