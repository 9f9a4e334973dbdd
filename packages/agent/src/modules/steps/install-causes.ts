/**
 * Causes of a failed installation outside the module: uv's and pip's messages, and what the owner can do. The
 * first match is reported, followed by the installer's own message.
 */
const causes: [said: RegExp, explanation: (...parts: string[]) => string][] = [
  [
    /\b407 Proxy|\bHTTP\b[^\n]{0,60}\b407\b|Proxy Authentication Required/i,
    () =>
      'The proxy requires a name and a password: HTTPS_PROXY=http://name:password@host:port for the agent',
  ],
  [
    /tunnel error|ProxyError|Cannot connect to proxy|Tunnel connection failed/,
    () =>
      'The proxy that HTTPS_PROXY names cannot be reached, or blocks this request: correct it, or add the index of packages to NO_PROXY if it is on this side of the proxy',
  ],
  [
    /invalid peer certificate|CERTIFICATE_VERIFY_FAILED|certificate verify failed/,
    () =>
      'The certificate of the index is not trusted, as with a proxy that decrypts traffic: name the file of your CA in SSL_CERT_FILE, and in PIP_CERT for pip',
  ],
  [
    /\(([^()\s]+)\) could not be queried due to a lack of valid authentication|(?:401|403)[^\n]*\b(?:Unauthorized|Forbidden|Client Error|Credentials not correct)/i,
    (index = '') =>
      `The index of packages ${index ? `${index} ` : ''}requires credentials, or rejects them: put them into its URL, into ~/.netrc, or into pip.conf`,
  ],
  [
    /User for [^\n]*:|EOFError: EOF when reading a line/,
    () =>
      'The index of packages requires credentials: put them into its URL, into ~/.netrc, or into pip.conf',
  ],
  [
    /`([^`]+)` was found on (\S+), but not at the requested version/,
    (name, index = '') =>
      `The package ${name} is on ${index.replace(/,$/, '')}, but not in that version, and uv then searches no other index: set UV_INDEX_STRATEGY=unsafe-best-match for the agent to search all as pip does, or require an available version`,
  ],
  [
    /(?:dns error|failed to lookup|Name or service not known|Temporary failure in name resolution|getaddrinfo failed)/,
    () =>
      'The index of packages cannot be found by its name: check the network of this machine. Without internet access name a mirror in PIP_INDEX_URL, or a proxy in HTTPS_PROXY',
  ],
  [
    /Failed to fetch: `?https:\/\/download\.pytorch\.org/,
    () =>
      'PyTorch comes from a separate index, which cannot be reached: set MILLRACE_TORCH_BACKEND to nothing to use your index',
  ],
  [
    /tcp connect error|Connection refused|NewConnectionError|ConnectTimeout|ReadTimeout|operation timed out|Network is unreachable/i,
    () =>
      'The index of packages cannot be reached: retry later, or name a mirror in PIP_INDEX_URL, or a proxy in HTTPS_PROXY',
  ],
  [
    /HTTP status server error \((\d+)[^)]*\)|\b(50\d) Server Error/,
    (one, other) =>
      `The index of packages answered with an error (${one || other}): retry later, or name another in PIP_INDEX_URL`,
  ],
  [
    /\bmillrace-module==(\d[\w.]*),? (?:and|we can conclude)|\(constraint\) millrace-module==(\S+)/,
    (one, other) =>
      `this agent brings millrace-module ${one || other}: update Millrace, or require a version that is not newer`,
  ],
  [
    /current Python version \(([\d.]+)\) does not satisfy Python\s?([<>=!~,.\d*]+)[^\n]*?\band (\S+?)(?:==\S+)? depends/i,
    (version, wanted = '', name = '') => otherPython(name, wanted, version),
  ],
  [
    /(?:and|because) (\S+?)(?:==\S+)? (?:depends on|requires) Python\s?([<>=!~,.\d*]+)/i,
    (name = '', wanted = '') => otherPython(name, wanted),
  ],
  [
    /Package '([^']+)' requires a different Python: (\S+) not in '([^']+)'/,
    (name = '', version = '', wanted = '') => otherPython(name, wanted, version),
  ],
  [
    /require a different python version: [^\n]*Requires-Python ([<>=!~,.\d* ]+)/,
    (wanted = '') => otherPython('A package', wanted.trim()),
  ],
  [
    /ensurepip is not\s+available|No module named '?(?:venv|ensurepip)/,
    () => 'This Python cannot make environments: install the package python3-venv, or uv',
  ],
  [
    /Because (\S+) was not found in the package registry|\(from versions: none\)[\s\S]*No matching distribution found for (\S+)/,
    (one, other) =>
      `The index has no package ${one || other}: check its spelling. If another index has it, add that with --extra-index-url to the requirements${other ? '; pip reports the same for an index that requires credentials' : ''}`,
  ],
  [
    /there (?:is no version|are no versions) of (\S+?)(?:,| and)|No matching distribution found for (\S+)/,
    (one, other) =>
      `The index has no ${one || other}, or none for this machine: require an available version; only PyTorch's own index has versions such as "+cu128" (--extra-index-url https://download.pytorch.org/whl/cu128)`,
  ],
  [
    /hash mismatch|DO NOT MATCH THE HASHES/i,
    () =>
      'A package does not match its hash in the requirements: the index or a proxy replaced it; if you trust the new one, update the hashes',
  ],
]

const otherPython = (name: string, wanted: string, version?: string): string =>
  `${name} needs Python ${wanted}${version ? `, and this one is ${version}` : ''}: install such a Python and require it with "python" in module.json, or use another version of the package`

/** The cause behind an installer's message; `null` when it is unknown. */
export function causeOfInstall(said: string): string | null {
  for (const [pattern, explanation] of causes) {
    const found = pattern.exec(said)
    if (found) return explanation(...found.slice(1).map((part) => part ?? ''))
  }
  return null
}
