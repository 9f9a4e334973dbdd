/**
 * Causes of a failed installation that lie outside of the module: what uv and pip say of them, and what its owner can do. The
 * first that fits is told; what the installer said follows it.
 */
const causes: [said: RegExp, explanation: (...parts: string[]) => string][] = [
  [
    /\b407 Proxy|\bHTTP\b[^\n]{0,60}\b407\b|Proxy Authentication Required/i,
    () => 'The proxy wants a name and a password: HTTPS_PROXY=http://name:password@host:port for the agent',
  ],
  [
    /tunnel error|ProxyError|Cannot connect to proxy|Tunnel connection failed/,
    () =>
      'The proxy that HTTPS_PROXY names cannot be reached, or does not let this through: correct it, or name the index of packages in NO_PROXY if it lies on this side',
  ],
  [
    /invalid peer certificate|CERTIFICATE_VERIFY_FAILED|certificate verify failed/,
    () =>
      'The certificate of the index is not trusted, as with a proxy that looks inside: name the file of your CA in SSL_CERT_FILE, and in PIP_CERT for pip',
  ],
  [
    /\(([^()\s]+)\) could not be queried due to a lack of valid authentication|(?:401|403)[^\n]*\b(?:Unauthorized|Forbidden|Client Error|Credentials not correct)/i,
    (index = '') =>
      `The index of packages ${index ? `${index} ` : ''}wants credentials, or refuses them: put them into its URL, into ~/.netrc, or into pip.conf`,
  ],
  [
    /User for [^\n]*:|EOFError: EOF when reading a line/,
    () => 'The index of packages wants credentials: put them into its URL, into ~/.netrc, or into pip.conf',
  ],
  [
    /`([^`]+)` was found on (\S+), but not at the requested version/,
    (name, index = '') =>
      `The package ${name} is on ${index.replace(/,$/, '')}, but not in that version, and uv asks no further index then: set UV_INDEX_STRATEGY=unsafe-best-match for the agent to have it look as pip does, or ask for a version that is there`,
  ],
  [
    /(?:dns error|failed to lookup|Name or service not known|Temporary failure in name resolution|getaddrinfo failed)/,
    () =>
      'The index of packages cannot be found by its name: is this machine connected? Without a way out name a mirror in PIP_INDEX_URL, or a proxy in HTTPS_PROXY',
  ],
  [
    /Failed to fetch: `?https:\/\/download\.pytorch\.org/,
    () =>
      'PyTorch comes from an index of its own, which cannot be reached: set MILLRACE_TORCH_BACKEND to nothing to take it from yours',
  ],
  [
    /tcp connect error|Connection refused|NewConnectionError|ConnectTimeout|ReadTimeout|operation timed out|Network is unreachable/i,
    () =>
      'The index of packages cannot be reached: try later, or name a mirror in PIP_INDEX_URL, or a proxy in HTTPS_PROXY',
  ],
  [
    /HTTP status server error \((\d+)[^)]*\)|\b(50\d) Server Error/,
    (one, other) =>
      `The index of packages answers with an error of its own (${one || other}): try later, or name another in PIP_INDEX_URL`,
  ],
  [
    /\bmillrace-module<=(\d[\w.]*), we can conclude|\(constraint\) millrace-module<=(\S+)/,
    (one, other) =>
      `this agent brings millrace-module ${one || other}: update Millrace, or ask for a version that is not newer`,
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
      `There is no package ${one || other} on the index: is it spelled right? If another index has it, name that with --extra-index-url in the requirements${other ? '; pip says the same of an index that wants credentials' : ''}`,
  ],
  [
    /there (?:is no version|are no versions) of (\S+?)(?:,| and)|No matching distribution found for (\S+)/,
    (one, other) =>
      `There is no ${one || other} on the index, or none for this machine: ask for a version that is there; one with "+cu128" or the like is on PyTorch's own index only (--extra-index-url https://download.pytorch.org/whl/cu128)`,
  ],
  [
    /hash mismatch|DO NOT MATCH THE HASHES/i,
    () =>
      'A package is not the one whose hash the requirements name: it was replaced on the index, or by something between; make the list of hashes anew if you trust it',
  ],
]

const otherPython = (name: string, wanted: string, version?: string): string =>
  `${name} needs Python ${wanted}${version ? `, and this one is ${version}` : ''}: install such a Python and ask for it with "python" in module.json, or take another version of the package`

/** What stands behind the words of an installer; `null` when only they are left. */
export function causeOfInstall(said: string): string | null {
  for (const [pattern, explanation] of causes) {
    const found = pattern.exec(said)
    if (found) return explanation(...found.slice(1).map((part) => part ?? ''))
  }
  return null
}
