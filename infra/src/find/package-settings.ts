/**
 * The part of an environment that package managers and compilers need: paths, the user's package sources, proxies and
 * certificates. Nothing else of the parent's environment passes, so none of our secrets do.
 */
export function packageSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const chosen: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isPackageSetting(name)) chosen[name] = value
  }
  return chosen
}

const exact = new Set(
  `PATH HOME USER LOGNAME USERNAME LANG LANGUAGE LOCPATH LOCALE_ARCHIVE TZ TZDIR TMPDIR TEMP TMP TERM
   SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS GIT_SSL_CAINFO AWS_CA_BUNDLE NIX_SSL_CERT_FILE
   HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY
   CC CXX LD_LIBRARY_PATH MONGOMS_DOWNLOAD_MIRROR MONGOMS_DOWNLOAD_URL
   XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
   SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE LOCALAPPDATA APPDATA PROGRAMDATA PROGRAMFILES NUMBER_OF_PROCESSORS`.split(
    /\s+/,
  ),
)
const prefixes = ['CGO_', 'PIP_', 'UV_', 'NPM_CONFIG_', 'PYENV_', 'LC_']

function isPackageSetting(name: string): boolean {
  const upper = name.toUpperCase()
  // Go's settings have no separator (GOPROXY, GOFLAGS); GOOGLE_… belongs to other programs.
  if (/^GO(?!OGLE)[A-Z0-9]+$/.test(upper)) return true
  return exact.has(upper) || prefixes.some((prefix) => upper.startsWith(prefix))
}
