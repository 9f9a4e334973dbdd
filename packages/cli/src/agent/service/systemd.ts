import { join } from 'node:path'
import type { Plan, Service } from './service.ts'

/**
 * A unit for systemd, and a separate file with the settings that only its owner may read, since units are world-readable.
 * `folder` is the folder of units; without `isSystem` it is a user unit.
 */
export function systemdPlan(service: Service, folder: string, isSystem: boolean): Plan {
  const unit = `${service.name}.service`
  const settings = join(service.home, 'service.env')
  const ctl = isSystem ? 'sudo systemctl' : 'systemctl --user'
  return {
    platform: 'linux',
    files: [
      { path: settings, text: envFile(service.settings), mode: 0o600 },
      { path: join(folder, unit), text: unitOf(service, settings, isSystem), mode: 0o644 },
    ],
    toStart: [
      `${ctl} daemon-reload`,
      `${ctl} enable --now ${unit}`,
      ...(isSystem ? [] : ['loginctl enable-linger   # so that it runs without a login session']),
      `journalctl ${isSystem ? '' : '--user '}-u ${unit} -f`,
    ],
    toStop: [`${ctl} disable --now ${unit}`, `${ctl} daemon-reload`],
  }
}

/**
 * Modules install packages and use the GPU, whose driver may need a setuid helper, so the unit restricts neither file
 * system, devices nor privileges. If the kernel kills a run for lack of memory, the other runs must survive. The agent
 * stops within ten seconds and gets twice that; systemd does not restart it after faulty settings (2) or for a second
 * agent of the same home (3).
 */
function unitOf(service: Service, settings: string, isSystem: boolean): string {
  const { node, entry, account } = service
  return `[Unit]
Description=Millrace agent ${service.name}
Documentation=https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${quoted(`:${node}`)} --max-semi-space-size=1 --expose-gc --disable-warning=ExperimentalWarning ${quoted(entry)}
Environment=MALLOC_MMAP_THRESHOLD_=32768
EnvironmentFile=${specifier(settings)}
WorkingDirectory=${specifier(service.home)}
${isSystem && account ? `User=${account}\n` : ''}Restart=always
RestartSec=5
RestartPreventExitStatus=2 3
KillMode=mixed
TimeoutStopSec=20
OOMPolicy=continue
UMask=0077
LimitNOFILE=65536

[Install]
WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}
`
}

/** An argument of ExecStart, where systemd interprets quotes, backslashes and `%`; a leading `:` keeps `$` literal. */
const quoted = (text: string): string =>
  `"${specifier(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

const specifier = (text: string): string => text.replaceAll('%', '%%')

/** Lines of an EnvironmentFile: in double quotes, where backslash, quote, dollar and backtick are escaped. */
function envFile(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}="${value.replace(/["\\$`]/g, (found) => `\\${found}`)}"\n`)
    .join('')
}
