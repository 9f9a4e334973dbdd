import { win32 } from 'node:path'
import type { Plan, Service } from './service.ts'

/**
 * The files of a Windows service under WinSW, which answers the service manager in place of Node: `<name>.xml` next to a
 * copy of WinSW called `<name>.exe`. The XML has the settings, including the key.
 */
export function winswPlan(service: Service): Plan {
  const { name, home } = service
  const folder = win32.join(home, 'service')
  const program = win32.join(folder, `${name}.exe`)
  return {
    platform: 'windows',
    files: [{ path: win32.join(folder, `${name}.xml`), text: xmlOf(service), mode: 0o600 }],
    toStart: [
      `icacls "${folder}" /inheritance:r /grant:r "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" "\${env:USERNAME}:(OI)(CI)F"`,
      `curl.exe -L -o "${program}" https://github.com/winsw/winsw/releases/download/v2.12.0/WinSW-x64.exe`,
      `& "${program}" install /p   # asks for the account that it runs under`,
      `& "${program}" start`,
    ],
    toStop: [`& "${program}" stop`, `& "${program}" uninstall`],
  }
}

function xmlOf({ name, node, entry, home, settings }: Service): string {
  const env = Object.entries(settings).map(
    ([key, value]) => `  <env name="${escaped(key)}" value="${escaped(value)}"/>\n`,
  )
  return `<service>
  <id>${escaped(name)}</id>
  <name>Millrace agent (${escaped(name)})</name>
  <description>Runs modules for Millrace on this machine.</description>
  <executable>${escaped(node)}</executable>
  <arguments>--max-semi-space-size=1 --expose-gc --disable-warning=ExperimentalWarning &quot;${escaped(entry)}&quot;</arguments>
  <workingdirectory>${escaped(home)}</workingdirectory>
  <env name="MILLRACE_PERCENT" value="%"/>
${env.join('')}  <startmode>Automatic</startmode>
  <delayedAutoStart>true</delayedAutoStart>
  <onfailure action="restart" delay="5 sec"/>
  <onfailure action="restart" delay="30 sec"/>
  <resetfailure>1 hour</resetfailure>
  <stoptimeout>20 sec</stoptimeout>
  <log mode="roll-by-size">
    <sizeThreshold>10240</sizeThreshold>
    <keepFiles>5</keepFiles>
  </log>
</service>
`
}

/** WinSW replaces `%NAME%` by variables, including those set above, and has no other way to write a `%`. */
function escaped(text: string): string {
  return text
    .replaceAll('%', '%MILLRACE_PERCENT%')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
}
