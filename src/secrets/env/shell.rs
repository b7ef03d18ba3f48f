//! Variables that shells reserve.

/// The variables that a shell run as `sh` sets, makes read-only, or restricts the values of:
/// measured with bash, dash, `BusyBox`, mksh, ksh93 and zsh (`emulate sh`). All others of bash
/// begin with `BASH`.
///
/// zsh's `USERNAME` is not included: it is a plausible key of a secret, and no other shell reserves
/// it.
const RESERVED: [&str; 47] = [
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

/// Returns true if a shell reserves the variable of this name.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("BASH")
}
