//! Variables of shells' own.

/// Those that a shell that is run as `sh` sets, forbids to set, or takes only some values for, of
/// bash, dash, `BusyBox`, mksh, ksh93 and zsh (`emulate sh`), as each did when it was tried. All of
/// bash's other ones begin with `BASH`.
///
/// zsh's `USERNAME` is not among them, since it is a good name for a secret, and no other shell has
/// it.
const OWN: [&str; 47] = [
    "ARGV0",
    "COLUMNS",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EGID",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "ERRNO",
    "EUID",
    "FUNCNAME",
    "FUNCNEST",
    "GID",
    "GROUPS",
    "HISTCMD",
    "HISTSIZE",
    "JOBMAX",
    "KEYBOARD_HACK",
    "KSHEGID",
    "KSHGID",
    "KSHUID",
    "KSH_MATCH",
    "KSH_VERSION",
    "LINENO",
    "LINES",
    "MAILCHECK",
    "OPTIND",
    "PGRP",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SAVEHIST",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "TMOUT",
    "TRY_BLOCK_ERROR",
    "TRY_BLOCK_INTERRUPT",
    "TTYIDLE",
    "UID",
    "USER_ID",
    "ZLE_RPROMPT_INDENT",
    "ZSH_EVAL_CONTEXT",
    "ZSH_SUBSHELL",
    "_",
    "histchars",
    "signals",
];

/// Returns whether a shell keeps the variable of this name for itself.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("BASH")
}
