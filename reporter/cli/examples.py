"""What the help of each command shows as examples; a test parses every line of it."""

from __future__ import annotations

EXIT_CODES = """exit codes:
  0 ok   1 internal error   2 usage or settings   3 findings at or above --fail-on
  4 report written, but not all that was asked for: a checkpoint could not be read, nothing was measured,
    a rule could not be applied, or no PDF could be made; `scan`, `verify` or `inspect` found nothing that is sound
  75 another run holds the output folder
  141 nobody reads standard output any more; a report was written all the same"""

_EXAMPLES = {
    "": """
  ckpt-report report ckpts -o reports             # reports/latest/index.html and report.pdf
  ckpt-report inspect ckpts/model.keras           # the numbers of one checkpoint
  ckpt-report diff ckpts/ckpt-1 ckpts/ckpt-2      # what changed between two, worst first
  ckpt-report scan ckpts                          # what is in a folder; reads no weights""",
    "report": """
  ckpt-report report ckpts -o reports
  ckpt-report report runs/a runs/b --title "Two seeds" --open
  ckpt-report report ckpts --baseline pretrained.keras --fail-on new-warn
  ckpt-report report ckpts --set rules.frozen.severity=info --no-pdf -q""",
    "inspect": """
  ckpt-report inspect model.keras
  ckpt-report inspect ckpts/ckpt-7 --json --quantiles 0.01,0.5,0.99""",
    "diff": """
  ckpt-report diff before.keras after.keras
  ckpt-report diff base.safetensors tuned.safetensors --spectral --html diff.html
  ckpt-report diff old/report.json new/report.json --json""",
    "scan": """
  ckpt-report scan ckpts
  ckpt-report scan ckpts --json""",
    "verify": """
  ckpt-report verify ckpts""",
    "cache": """
  ckpt-report cache info
  ckpt-report cache prune --older-than 7""",
    "config": """
  ckpt-report config show
  ckpt-report config show --set rules.frozen.severity=info""",
    "doctor": """
  ckpt-report doctor""",
    "completion": """
  eval "$(ckpt-report completion bash)"           # in ~/.bashrc
  ckpt-report completion zsh > ~/.zfunc/_ckpt-report""",
}


def examples(command: str) -> str:
    """The examples of a command, "" for those of the whole program, as the end of its help."""
    return f"examples:{_EXAMPLES[command]}" if command in _EXAMPLES else ""
