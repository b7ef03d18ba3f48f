//! The environment that secrets make: keys that decide on code, and the system's limits.

use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
};
use secrecy::ExposeSecret;

use crate::secrets::SecretData;

/// Beginnings of the keys that the dynamic loaders of Linux, the BSDs and macOS read: whoever sets
/// them runs code of their own in every program that is started.
const LOADER: [&str; 2] = ["LD_", "DYLD_"];

/// Keys that let the C library, OpenSSL, or a widespread interpreter, load code or run commands at the start
/// of any program. After those that `sudo` removes (`initial_badenv_table` in its plugins/sudoers/env.c),
/// and the like of younger interpreters. `ENV` is left out: only interactive shells read it.
const CODE: [&str; 41] = [
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

/// The number of pages that one variable may take on Linux (execve(2)).
const PAGES_OF_A_VARIABLE: usize = 32;

/// The most that arguments and environment take together on Linux, whatever the limit of the stack:
/// three quarters of 8 MiB (execve(2)).
const MOST_OF_ALL: u64 = 6 * 1024 * 1024;

/// The number of keys that are named when all together are too large.
const NAMED: usize = 3;

/// Refuses keys that decide on code that programs load, unless they are allowed; and values that no
/// environment can hold.
///
/// # Errors
/// Names the key.
pub(super) fn check(data: &SecretData, allowed: &[String]) -> Result<(), String> {
    for (key, value) in data.iter() {
        let key = key.as_str();
        if decides_on_code(key) && !allowed.iter().any(|allowed| allowed == key) {
            return Err(format!(
                "`{key}` decides on code that programs load: if that is meant, allow it with \
                 --allow {key}"
            ));
        }
        if value.expose_secret().contains('\0') {
            return Err(format!("`{key}` has a NUL in it, which no environment can hold"));
        }
    }
    Ok(())
}

fn decides_on_code(key: &str) -> bool {
    LOADER.iter().any(|beginning| key.starts_with(beginning)) || CODE.contains(&key)
}

/// Says which keys make the environment too large for execve(2), which does not.
pub(super) fn too_large(data: &SecretData) -> String {
    let mut sizes: Vec<_> =
        data.iter().map(|(key, value)| (size(key.as_str(), value), key.as_str())).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let told = |sizes: &[(usize, &str)]| {
        let told = sizes.iter().map(|(size, key)| format!("`{key}` takes {size} bytes"));
        told.collect::<Vec<_>>().join(", ")
    };
    let limit = PAGES_OF_A_VARIABLE * page_size();
    let over = sizes.partition_point(|(size, _)| *size > limit);
    if over > 0 {
        return format!(
            "{}, with its name: a variable may take {limit}. Let the program read it from a file",
            told(&sizes[..over])
        );
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    let stack = getrlimit(Resource::Stack).current.map_or(u64::MAX, |stack| stack / 4);
    format!(
        "the secrets take {total} bytes, and all variables and arguments together may take {}. The \
         largest: {}",
        stack.min(MOST_OF_ALL),
        told(&sizes[..sizes.len().min(NAMED)])
    )
}

/// The room that a variable takes: `KEY=VALUE` and a NUL.
fn size(key: &str, value: &secrecy::SecretString) -> usize {
    key.len() + value.expose_secret().len() + 2
}
