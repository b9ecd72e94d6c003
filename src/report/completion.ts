// `tbit completion`: what the shell may offer behind a word, as a script for it. The commands come from their
// definitions (cli/completion.ts).

export interface CompletionOption {
  readonly long: string
  readonly short: string | null
  readonly description: string
  /** It wants a value. */
  readonly value: boolean
  /** The values that there are; empty: any, or a file. */
  readonly choices: readonly string[]
  /** Several, with commas between them. */
  readonly list: boolean
}

export interface CompletionCommand {
  /** `tbit conform rmm`. */
  readonly path: string
  readonly summary: string
  readonly options: readonly CompletionOption[]
  /** Words that may stand as an operand, beside files. */
  readonly operands: readonly string[]
  readonly commands: readonly CompletionCommand[]
}

const quoted = (s: string): string => `'${s.replaceAll("'", "'\\''")}'`
const all = (c: CompletionCommand): CompletionCommand[] => [c, ...c.commands.flatMap(all)]
const nameOf = (c: CompletionCommand): string => c.path.split(' ').at(-1) ?? ''
const flagsOf = (o: CompletionOption): string[] => [o.long, ...(o.short === null ? [] : [o.short])]

function bashCompletion(root: CompletionCommand): string {
  const commands = all(root)
  const values = commands.flatMap((c) =>
    c.options
      .filter((o) => o.value)
      .map((o) => {
        const when = flagsOf(o)
          .map((f) => quoted(`${c.path} ${f}`))
          .join('|')
        return (
          `    ${when}) ` +
          (o.choices.length === 0
            ? 'COMPREPLY=(); return'
            : `values=${quoted(o.choices.join(' '))}${o.list ? '; list=1' : ''}`) +
          ' ' +
          ';;'
        )
      })
  )
  const offered = commands.map(
    (c) =>
      `    ${quoted(c.path)}) options=${quoted(c.options.flatMap(flagsOf).join(' '))}; ` +
      `values=${quoted([...c.commands.map(nameOf), ...c.operands].join(' '))} ;;`
  )
  return `# bash completion of tbit: source it, or put it where bash-completion looks.
_tbit() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at=tbit values= options= list= head= i
  # --format=json is three words to bash.
  if [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${commands
        .slice(1)
        .map((c) => quoted(c.path))
        .join('|')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${values.join('\n')}
  esac
  if [[ -z $values ]]; then
    case $at in
${offered.map((l) => `  ${l}`).join('\n')}
    esac
    if [[ $cur == -* ]]; then values=$options; fi
  fi
  if [[ -n $list && $cur == *,* ]]; then head=\${cur%,*},; cur=\${cur##*,}; fi
  COMPREPLY=($(compgen -P "$head" -W "$values" -- "$cur"))
}
complete -o default -F _tbit tbit
`
}

/** zsh has bash's way of completing as a module of its own. */
const zshCompletion = (root: CompletionCommand): string =>
  `# zsh completion of tbit, by zsh's own module for those of bash: source it behind compinit.\nautoload -U +X ` +
  `bashcompinit && bashcompinit\n${bashCompletion(root).split('\n').slice(1).join('\n')}`

function fishCompletion(root: CompletionCommand): string {
  const lines: string[] = []
  const known = root.commands.map(nameOf).join(' ')
  const walk = (c: CompletionCommand, when: string): void => {
    for (const o of c.options) {
      const short = o.short === null ? '' : ` -s ${o.short.slice(1)}`
      lines.push(
        `complete -c tbit -n ${quoted(when)} -l ${o.long.slice(2)}${short}` +
          `${o.choices.length > 0 ? ` -x -a ${quoted(o.choices.join(' '))}` : o.value ? ' -r' : ''} -d ` +
          `${quoted(o.description)}`
      )
    }
    if (c.operands.length > 0) lines.push(`complete -c tbit -n ${quoted(when)} -a ${quoted(c.operands.join(' '))}`)
    const names = c.commands.map(nameOf).join(' ')
    for (const s of c.commands) {
      const open =
        c === root
          ? `not __fish_seen_subcommand_from ${known}`
          : `${when}; and not __fish_seen_subcommand_from ${names}`
      lines.push(`complete -c tbit -n ${quoted(open)} -a ${nameOf(s)} -d ${quoted(s.summary)}`)
      walk(s, `${c === root ? '' : `${when}; and `}__fish_seen_subcommand_from ${nameOf(s)}`)
    }
  }
  walk(root, `not __fish_seen_subcommand_from ${known}`)
  return `# fish completion of tbit: put it into ~/.config/fish/completions/tbit.fish.\n${lines.join('\n')}\n`
}

export const completionShells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const
