// Takes the arguments of a module's main.py: this machine has no Python for Windows.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const option = (name) => process.argv[process.argv.indexOf(name) + 1]
const { inputs, output_dir } = JSON.parse(readFileSync(option('--input_file'), 'utf8'))
console.log(`at work on ${process.platform}`)
if (inputs.do === 'wait') {
  // A child, which must end together with it.
  spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  setInterval(() => {}, 1000)
} else if (inputs.do === 'fail') process.exit(2)
else {
  writeFileSync(join(output_dir, 'note.txt'), 'written on Windows')
  console.log(JSON.stringify({ event: 'progress', percent: 50 }))
  console.log(
    JSON.stringify({
      status: 'success',
      outputs: { system: process.platform, note: join(output_dir, 'note.txt') },
    }),
  )
}
