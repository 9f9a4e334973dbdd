#!/usr/bin/env node
import { program } from 'commander'

program.name('millrace').description('Works with Millrace from a terminal.').version('0.1.0')

await program.parseAsync()
