import { uvVariables } from './pip-settings.ts'

/**
 * The environment of installer commands: the user's package and network settings, but not the agent's key.
 * Modules' processes get none of these variables.
 */
export function installEnv(own: NodeJS.ProcessEnv): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && (names.has(name) || prefixes.test(name))) passed[name] = value
  }
  return {
    ...passed,
    ...uvVariables(own),
    PYTHONUTF8: '1',
    PYTHONUNBUFFERED: '1',
    PYTHONNOUSERSITE: '1',
    NO_COLOR: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
  }
}

const prefixes = /^(?:PIP_|UV_|PYENV_|XDG_|LC_|(?:https?|all|no|ftp)_proxy$)/i
const names = new Set([
  'PATH',
  'Path',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TMPDIR',
  'TMP',
  'TEMP',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'NETRC',
  'LD_LIBRARY_PATH',
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ComSpec',
  'PATHEXT',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'ProgramData',
  'ProgramFiles',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
])
