//! Checks of secrets as environment variables: keys that make programs load code, and the system's
//! limits.

use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
};
use secrecy::ExposeSecret;

use crate::secrets::SecretData;

/// Prefixes of the keys that the dynamic loaders of Linux, the BSDs and macOS read: they can make
/// every program that is started run other code.
const LOADER_PREFIXES: [&str; 2] = ["LD_", "DYLD_"];

/// Keys that make the C library, OpenSSL, or a common interpreter load code or run commands at the
/// start of any program: those that `sudo` removes (`initial_badenv_table` in its
/// plugins/sudoers/env.c), and their counterparts of newer interpreters. `ENV` is left out: only
/// interactive shells read it.
const CODE_LOADING_KEYS: [&str; 41] = [
    "BASHOPTS",
    "BASH_ENV",
    "BUN_OPTIONS",
    "CLASSPATH",
    "CORECLR_ENABLE_PROFILING",
    "CORECLR_PROFILER",
    "CORECLR_PROFILER_PATH",
    "DOTNET_STARTUP_HOOKS",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_ZFLAGS",
    "FPATH",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LUA_INIT",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PS4",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "RUBYLIB",
    "RUBYOPT",
    "SHELLOPTS",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// The maximum size of one variable on Linux, in pages (execve(2)).
const MAX_VARIABLE_PAGES: usize = 32;

/// The maximum size of arguments and environment together on Linux, in bytes, regardless of the
/// stack limit: three quarters of 8 MiB (execve(2)).
const MAX_TOTAL_BYTES: u64 = 6 * 1024 * 1024;

/// The number of keys that are listed if the total is too large.
const MAX_LISTED_KEYS: usize = 3;

/// Rejects keys that make programs load code, unless they are allowed, and values that an
/// environment cannot hold.
///
/// # Errors
/// Names the first such key.
pub(super) fn check_env_values(data: &SecretData, allowed: &[String]) -> Result<(), String> {
    for (key, value) in data.iter() {
        let key = key.as_str();
        if loads_code(key) && !allowed.iter().any(|allowed| allowed == key) {
            return Err(format!(
                "`{key}` makes programs load code: if that is intended, allow it with --allow {key}"
            ));
        }
        if value.expose_secret().contains('\0') {
            return Err(format!("`{key}` contains a NUL byte, which variables cannot contain"));
        }
    }
    Ok(())
}

fn loads_code(key: &str) -> bool {
    LOADER_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || CODE_LOADING_KEYS.contains(&key)
}

/// Returns an error message with the keys that make the environment too large for execve(2), whose
/// own error names none.
pub(super) fn size_error(data: &SecretData) -> String {
    let mut sizes: Vec<_> =
        data.iter().map(|(key, value)| (size(key.as_str(), value), key.as_str())).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let list = |sizes: &[(usize, &str)]| {
        let list = sizes.iter().map(|(size, key)| format!("`{key}` takes {size} bytes"));
        list.collect::<Vec<_>>().join(", ")
    };
    let limit = MAX_VARIABLE_PAGES * page_size();
    let over = sizes.partition_point(|(size, _)| *size > limit);
    if over > 0 {
        return format!(
            "{}, including its name; the limit of a variable is {limit}. Use a program that reads \
             it from a file",
            list(&sizes[..over])
        );
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    let stack = getrlimit(Resource::Stack).current.map_or(u64::MAX, |stack| stack / 4);
    format!(
        "the secrets take {total} bytes; the limit of all variables and arguments together is {}. \
         The largest: {}",
        stack.min(MAX_TOTAL_BYTES),
        list(&sizes[..sizes.len().min(MAX_LISTED_KEYS)])
    )
}

/// Returns the size of a variable in bytes: `KEY=VALUE` and a NUL.
fn size(key: &str, value: &secrecy::SecretString) -> usize {
    key.len() + value.expose_secret().len() + 2
}
