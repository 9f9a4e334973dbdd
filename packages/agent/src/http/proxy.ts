/** The proxy of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in the form that Node accepts. */
export type ProxyEnv = { http_proxy?: string; https_proxy?: string; no_proxy: string }

const loopback = ['localhost', '127.0.0.1', '::1', '[::1]']

/** Lower case takes precedence, as with curl; `ALL_PROXY` stands for both; local servers need no proxy. */
export function proxyEnv(env: NodeJS.ProcessEnv): ProxyEnv {
  const all = read(env, 'all_proxy')
  const ownNo = env.no_proxy ?? env.NO_PROXY
  return {
    http_proxy: usable(read(env, 'http_proxy') ?? all),
    https_proxy: usable(read(env, 'https_proxy') ?? all),
    no_proxy: [...(ownNo ? [ownNo] : []), ...loopback].join(','),
  }
}

/** The message at the start, without the password; `null` if none is needed. */
export function describeProxy(
  env: NodeJS.ProcessEnv,
  url: string,
): { message: string; isFault: boolean } | null {
  const { hostname, protocol } = new URL(url)
  if (loopback.includes(hostname)) return null
  const name = protocol === 'https:' ? 'https_proxy' : 'http_proxy'
  const given = read(env, name) ?? read(env, 'all_proxy')
  if (given === undefined) return null
  const { [name]: proxy, no_proxy } = proxyEnv(env)
  const variable = name.toUpperCase()
  if (proxy)
    return {
      message: `requests use the proxy ${new URL(proxy).host} (${variable}), except for ${no_proxy}; NATS uses none: without a direct connection set MILLRACE_QUEUE=http`,
      isFault: false,
    }
  return { message: `${variable} is not the http:// URL of a proxy, so none is used`, isFault: true }
}

const read = (env: NodeJS.ProcessEnv, name: string): string | undefined =>
  env[name] || env[name.toUpperCase()] || undefined

/** Adds a missing scheme; `undefined` for kinds that Node does not support, such as SOCKS. */
function usable(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const whole = given.includes('://') ? given : `http://${given}`
  return /^https?:$/.test(URL.parse(whole)?.protocol ?? '') ? whole : undefined
}
