//! The command line: its configuration, exit codes and output.

use std::{
    fs::{self, File},
    io::pipe,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{bao::Bao, direct::Direct, platform, tools, validator::Validator};

/// The exit code, stdout and stderr of a command.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program with these arguments and nothing but these variables.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let Output { status, stdout, stderr } = Command::new(tools::validator())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The minimal valid configuration.
const LOGIN: (&str, &str) = ("VAULT_TOKEN", "s.own");

/// Returns the errors that `serve --check` reports, one a line.
fn check_errors(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let ended = run(&[&["serve", "--check"], arguments].concat(), variables);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    let lines = ended.stderr.lines().skip(1).map(|line| line.trim().to_owned());
    let errors: Vec<String> = lines.collect();
    let headline = "vault-auth-validator: the configuration is invalid:\n";
    assert!(ended.stderr.starts_with(headline), "{}", ended.stderr);
    errors
}

/// Creates a configuration file with this content.
fn config(content: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("validator.toml");
    fs::write(&file, content).expect("a file");
    (dir, file)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn check_accepts_valid_configuration() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let ended = run(&["serve", "--check"], &[LOGIN, ("VALIDATOR_LISTEN", &address)]);
    let valid = "The configuration is valid.\n".to_owned();
    assert_eq!(ended, Ended { code: Some(0), stdout: valid, stderr: String::new() });
}

#[test]
fn all_configuration_errors_are_reported() {
    let variables = [
        ("VALIDATOR_LISTEN", "nowhere"),
        ("VALIDATOR_API_LISTEN", "unix:relative"),
        ("VALIDATOR_ADMIN_LISTEN", "127.0.0.1:99999"),
        ("VALIDATOR_ADMIN_HOSTS", "validator:9090"),
        ("VALIDATOR_ADMIN_TOKEN_FILE", "/nonexistent/token"),
        ("VALIDATOR_TRUSTED_PROXIES", "10.0.0.0/8,everyone"),
        ("VALIDATOR_CACHE_TTL", "1h"),
        ("VALIDATOR_CACHE_CAPACITY", "0"),
        ("VALIDATOR_NEGATIVE_TTL", "soon"),
        ("VALIDATOR_STALE_GRACE", "-1s"),
        ("VALIDATOR_VAULT_TIMEOUT", "1ms"),
        ("VALIDATOR_CREDENTIALS", "bearer,query"),
        ("VALIDATOR_ALLOW_ROOT", "yes"),
        ("VALIDATOR_KV_MOUNT", "../sys"),
        ("VALIDATOR_TRANSIT_MOUNT", ""),
        ("VALIDATOR_LOG", "loud"),
        ("VALIDATOR_LOG_FORMAT", "xml"),
        ("VAULT_ADDR", "vault:8200"),
        ("VAULT_CACERT", "/nonexistent/ca.pem"),
        ("VAULT_CLIENT_CERT", "/nonexistent/cert.pem"),
        ("VAULT_NAMESPACE", "a b"),
        ("VALIDATOR_ROLE_ID", "role"),
    ];
    let errors = check_errors(&[], &variables);
    for (name, _) in variables {
        let times = errors.iter().filter(|fault| fault.starts_with(&format!("{name}: "))).count();
        // An empty variable counts as none, and a missing one is reported under its own name.
        let expected =
            usize::from(!matches!(name, "VALIDATOR_TRANSIT_MOUNT" | "VALIDATOR_ROLE_ID"));
        assert_eq!(times, expected, "{name} in {errors:#?}");
    }
    assert!(
        errors.iter().any(|fault| fault.starts_with("VALIDATOR_SECRET_ID_FILE: ")),
        "{errors:#?}"
    );
    let started = run(&["serve"], &variables);
    assert_eq!((started.code, started.stdout.as_str()), (Some(2), ""));
}

#[test]
fn admin_token_file_is_validated() {
    for (token, what) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("short-token", "shorter than 16"),
        ("two-tokens-of-16 two-tokens-of-16", "whitespace"),
    ] {
        let (_dir, file) = config(token);
        let file = ("VALIDATOR_ADMIN_TOKEN_FILE", text(&file));
        let errors = check_errors(&[], &[LOGIN, file]);
        let starts = errors[0].starts_with("VALIDATOR_ADMIN_TOKEN_FILE: ");
        assert!(errors.len() == 1 && starts && errors[0].contains(what), "{errors:?}");
        assert!(token.trim().is_empty() || !errors[0].contains(token), "{errors:?}");
    }
    let (_dir, file) = config("a-token-of-21-letters\n");
    let file = ("VALIDATOR_ADMIN_TOKEN_FILE", text(&file));
    let ended = run(&["serve", "--check"], &[LOGIN, file]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn configuration_errors_hide_secrets() {
    let secret = "hvs.very-secret";
    let (_dir, quoted) = config(&format!("vault_token = \"{secret}\"\n"));
    let (_dsn, dsn) = config("sentry_dsn = \"https://very-secret@sentry.example.com/1\"\n");
    let (_other, broken) = config(&format!("log = \"info\"\nvault_token = {secret}\n"));
    let spaced = format!("{secret} ");
    for (arguments, variables) in [
        (vec![], vec![("VAULT_TOKEN", secret), ("BAO_TOKEN", "another")]),
        (vec![], vec![("VAULT_TOKEN", &*spaced)]),
        (vec![], vec![("VAULT_TOKEN", secret), ("VALIDATOR_ROLE_ID", "role")]),
        (vec![], vec![LOGIN, ("VAULT_ADDR", "https://user:hvs.very-secret@vault:8200")]),
        (vec![], vec![LOGIN, ("VALIDATOR_SECRET_ID", secret)]),
        (vec![], vec![LOGIN, ("SENTRY_DSN", "https://very-secret@sentry.example.com")]),
        (vec![], vec![LOGIN, ("SENTRY_DSN", "very-secret")]),
        (vec!["--config", text(&quoted)], vec![]),
        (vec!["--config", text(&dsn)], vec![LOGIN]),
        (vec!["--config", text(&broken)], vec![]),
    ] {
        let errors = check_errors(&arguments, &variables);
        assert!(!errors.concat().contains("very-secret"), "{errors:?}");
    }
    let flag = run(&["serve", "--vault-token", secret], &[]);
    assert_eq!(flag.code, Some(2), "a token is no argument");
}

#[cfg(not(feature = "sentry"))]
#[test]
fn sentry_dsn_needs_the_feature() {
    let errors = check_errors(&[], &[LOGIN, ("SENTRY_DSN", "https://key@sentry.example.com/1")]);
    assert!(errors[0].contains("built without the feature `sentry`"), "{errors:?}");
}

#[cfg(feature = "sentry")]
#[test]
fn sentry_dsn_is_validated() {
    for (dsn, reason) in [
        ("sentry.example.com", "no valid url provided"),
        ("https://sentry.example.com/1", "username is empty"),
        ("https://key@sentry.example.com", "empty path"),
    ] {
        let errors = check_errors(&[], &[LOGIN, ("SENTRY_DSN", dsn)]);
        let expected = format!(
            "SENTRY_DSN: not a DSN of Sentry ({reason}): copy it from the project's settings, \
             Client Keys; for example https://KEY@sentry.example.com/1"
        );
        assert_eq!(errors, [expected]);
    }
    let (_dir, file) = config("sentry_dsn = \"https://key@sentry.example.com/1\"");
    let errors = check_errors(&["--config", text(&file)], &[LOGIN]);
    let message = "`sentry_dsn` is not allowed in a file; set the variable SENTRY_DSN";
    assert_eq!(errors, [format!("{}:1: {message}", file.display())]);
    let ended = run(
        &["serve", "--check"],
        &[
            LOGIN,
            ("SENTRY_DSN", "https://key@sentry.example.com/1"),
            ("SENTRY_ENVIRONMENT", "production"),
        ],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn policy_drift_folder_is_validated() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = text(folder.path());
    let check = |dir: &str, interval: &str| {
        let variables = [
            LOGIN,
            ("VALIDATOR_POLICY_DRIFT_DIR", dir),
            ("VALIDATOR_POLICY_DRIFT_INTERVAL", interval),
        ];
        check_errors(&[], &variables)
    };
    let none = format!("VALIDATOR_POLICY_DRIFT_DIR: {dir}: no *.hcl files found");
    assert_eq!(check(dir, "1h"), [none]);
    let missing = "VALIDATOR_POLICY_DRIFT_DIR: /nowhere: No such file or directory (os error 2)";
    assert_eq!(check("/nowhere", "1h"), [missing]);
    fs::write(folder.path().join("a.hcl"), "path \"a\" {").expect("a file");
    let errors = check(dir, "1h");
    let start = format!("VALIDATOR_POLICY_DRIFT_DIR: {dir}/a.hcl:1:");
    assert!(errors.len() == 1 && errors[0].starts_with(&start), "{errors:?}");
    fs::write(folder.path().join("a.hcl"), "path \"a\" {}").expect("a file");
    let range = "VALIDATOR_POLICY_DRIFT_INTERVAL: 10ms is out of range: 1s to 7days";
    assert_eq!(check(dir, "10ms"), [range]);
    let only = "VALIDATOR_POLICY_DRIFT_INTERVAL: not set, but VALIDATOR_POLICY_DRIFT_DIR needs it: \
                for example 1h";
    assert_eq!(check(dir, ""), [only]);
    let only = "VALIDATOR_POLICY_DRIFT_DIR: not set, but VALIDATOR_POLICY_DRIFT_INTERVAL needs it: \
                the folder with the expected policies";
    assert_eq!(check("", "1h"), [only]);
}

#[test]
fn unknown_name_gets_suggestion() {
    let errors = check_errors(&[], &[LOGIN, ("VALIDATOR_CACHE_TLL", "1s"), ("VALIDATOR_XYZ", "1")]);
    assert_eq!(
        errors,
        [
            "VALIDATOR_CACHE_TLL: unknown variable `VALIDATOR_CACHE_TLL`; \
             did you mean `VALIDATOR_CACHE_TTL`?",
            "VALIDATOR_XYZ: unknown variable `VALIDATOR_XYZ`",
        ]
    );
    let (_dir, file) = config("cach_ttl = \"1s\"");
    let errors = check_errors(&["--config", text(&file)], &[LOGIN]);
    let expected =
        format!("{}:1: unknown key `cach_ttl`; did you mean `cache_ttl`?", file.display());
    assert_eq!(errors, [expected]);
    let ended = run(&["serve", "--cache-tll", "1s"], &[LOGIN]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--cache-ttl"), "{}", ended.stderr);
    assert_eq!(run(&["surve"], &[]).code, Some(2));
    assert_eq!(run(&[], &[]).code, Some(2));
}

#[test]
fn file_errors_have_line_numbers() {
    let (_dir, file) = config(
        "# A comment.\n\
         listen = \"127.0.0.1:0\"\n\
         trusted_proxies = [\"10.0.0.0/8\", \"private_ranges\"]\n\
         cache_capacity = 5\n\
         allow_root = false\n",
    );
    let arguments = ["serve", "--check", "--config", text(&file)];
    assert_eq!(run(&arguments, &[LOGIN]).code, Some(0));
    assert_eq!(run(&arguments[..2], &[LOGIN, ("VALIDATOR_CONFIG", text(&file))]).code, Some(0));

    let (_dir, file) = config("listen = \"nowhere\"\n\ncache_ttl = 30\n[vault]\naddr = 1\n");
    let errors = check_errors(&["--config", text(&file)], &[LOGIN]);
    for (line, about) in
        [(1, "not a listen address"), (3, "not a duration"), (4, "unknown key `vault`")]
    {
        let place = format!("{}:{line}: ", file.display());
        let found = errors.iter().any(|fault| fault.starts_with(&place) && fault.contains(about));
        assert!(found, "{place} {about} in {errors:#?}");
    }
    assert_eq!(errors.len(), 3, "{errors:#?}");

    let (_dir, file) = config("listen = \"127.0.0.1:0\"\ncache_ttl = \n");
    let errors = check_errors(&["--config", text(&file)], &[LOGIN]);
    assert!(errors[0].starts_with(&format!("{}:2: not valid TOML", file.display())), "{errors:?}");
    let errors = check_errors(&["--config", "/nonexistent.toml"], &[LOGIN]);
    assert!(errors[0].starts_with("/nonexistent.toml: "), "{errors:?}");
}

#[test]
fn flags_override_env_and_file() {
    let (_dir, bad_file) = config("cache_ttl = \"file\"\n");
    let (_other, good_file) = config("cache_ttl = \"1s\"\n");
    let (bad_file, good_file) = (["--config", text(&bad_file)], ["--config", text(&good_file)]);
    let (good_flag, bad_flag) = (["--cache-ttl", "2s"], ["--cache-ttl", "flag"]);
    let bad_variable = ("VALIDATOR_CACHE_TTL", "variable");
    let good_variable = ("VALIDATOR_CACHE_TTL", "3s");
    let valid = |arguments: &[&str], variables: &[(&str, &str)]| {
        run(&[&["serve", "--check"], arguments].concat(), variables).code == Some(0)
    };
    assert!(valid(&[bad_file, good_flag].concat(), &[LOGIN, bad_variable]));
    assert!(valid(&bad_file, &[LOGIN, good_variable]));
    assert!(valid(&good_file, &[LOGIN]));
    assert!(valid(&good_file, &[LOGIN, ("VALIDATOR_CACHE_TTL", "")]), "empty is absent");
    let errors = check_errors(&[good_file, bad_flag].concat(), &[LOGIN, good_variable]);
    assert!(errors[0].starts_with("--cache-ttl: `flag`"), "{errors:?}");
    let errors = check_errors(&good_file, &[LOGIN, bad_variable]);
    assert!(errors[0].starts_with("VALIDATOR_CACHE_TTL: `variable`"), "{errors:?}");
    assert!(!valid(&bad_file, &[LOGIN]));
}

#[test]
fn one_login_method_is_required() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("secret");
    fs::write(&file, "secret").expect("a file");
    let (role, secret) = (("VALIDATOR_ROLE_ID", "role"), ("VALIDATOR_SECRET_ID_FILE", text(&file)));
    let token_file = ("VAULT_TOKEN_FILE", text(&file));
    for good in [vec![role, secret], vec![LOGIN], vec![token_file], vec![("BAO_TOKEN", "s.own")]] {
        assert_eq!(run(&["serve", "--check"], &good).code, Some(0), "{good:?}");
    }
    for bad in [
        vec![],
        vec![role],
        vec![secret],
        vec![LOGIN, token_file],
        vec![role, secret, LOGIN],
        vec![role, secret, token_file],
    ] {
        assert_eq!(check_errors(&[], &bad).len(), 1, "{bad:?}");
    }
    let (one, other) = (("VAULT_ADDR", "http://a:1"), ("BAO_ADDR", "http://b:1"));
    assert_eq!(check_errors(&[], &[LOGIN, one, other]).len(), 1);
    assert_eq!(run(&["serve", "--check"], &[LOGIN, one, ("BAO_ADDR", one.1)]).code, Some(0));
}

#[test]
fn listener_addresses_are_unique() {
    let same = ("VALIDATOR_ADMIN_LISTEN", "127.0.0.1:8080");
    let errors = check_errors(&[], &[LOGIN, same]);
    assert!(errors[0].contains("127.0.0.1:8080 is also the address of `listen`"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_reports_readiness() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let socket = format!("unix:{}", dir.path().join("admin.sock").display());
    let validator = Validator::start(&bao, &role, &[]).await;
    let admin = validator.admin_url().replace("http://", "");
    let ready = Ended { code: Some(0), stdout: "ready\n".to_owned(), stderr: String::new() };
    assert_eq!(run(&["healthcheck", "--admin-listen", &admin], &[]), ready);
    assert_eq!(run(&["healthcheck"], &[("VALIDATOR_ADMIN_LISTEN", &admin)]), ready);

    validator.process().kill();
    let gone = run(&["healthcheck", "--admin-listen", &admin], &[]);
    assert_eq!((gone.code, gone.stdout.as_str()), (Some(1), ""));
    assert!(gone.stderr.contains(&admin), "{}", gone.stderr);
    assert_eq!(run(&["healthcheck", "--admin-listen", "nowhere"], &[]).code, Some(2));

    let env = [("VALIDATOR_ADMIN_LISTEN", socket.as_str())];
    let wrong = platform::AppRole { secret_id: "wrong".to_owned(), ..role };
    let _unready = Validator::start_unready(&bao, &wrong, &env).await;
    let unready = run(&["healthcheck", "--admin-listen", &socket], &[]);
    assert_eq!((unready.code, unready.stdout.as_str()), (Some(1), ""));
    assert!(unready.stderr.contains("not ready: 503"), "{}", unready.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_times_out() {
    let service = Direct::start().await;
    let admin = service.validator.admin_url().replace("http://", "");
    service.validator.process().signal("STOP");
    let start = std::time::Instant::now();
    let hung = run(&["healthcheck", "--admin-listen", &admin], &[]);
    assert_eq!(hung.code, Some(1), "{hung:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "after {:?}", start.elapsed());
}

#[test]
fn completions_cover_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&["completions", shell], &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["serve", "healthcheck", "cache-ttl"] {
            assert!(ended.stdout.contains(word), "{word} in {shell}");
        }
    }
    assert_eq!(run(&["completions", "sh"], &[]).code, Some(2));
}

#[test]
fn help_examples_parse() {
    let mut seen = Vec::new();
    let mut to_see = commands(&run(&["--help"], &[]).stdout, "");
    while let Some(command) = to_see.pop() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ended = run(&words, &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{command}");
        let (_, examples) = ended.stdout.split_once("Examples:\n").expect(&command);
        let called = format!("vault-auth-validator {command}");
        assert!(examples.contains(&called), "{command}: {examples}");
        to_see.extend(commands(&ended.stdout, &format!("{command} ")));
        seen.push(command);
    }
    for command in ["serve", "policies", "policies lint"] {
        assert!(seen.iter().any(|seen| seen == command), "{seen:?}");
    }
}

/// Returns the commands that this help lists, each after `prefix`.
fn commands(help: &str, prefix: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(|command| format!("{prefix}{command}"))
        .collect()
}

#[test]
fn version_matches_package() {
    let ended = run(&["--version"], &[]);
    let version = concat!("vault-auth-validator ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    assert_eq!(ended, Ended { code: Some(0), stdout: version, stderr: String::new() });
}

#[test]
fn full_stdout_fails_broken_pipe_not() {
    let check = |output: Stdio| {
        let mut command = Command::new(tools::validator());
        command.args(["serve", "--check"]).env_clear().stdout(output).stderr(Stdio::piped());
        command.envs([("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.x")]);
        command.output().expect("the program")
    };
    let full = check(File::options().write(true).open("/dev/full").expect("/dev/full").into());
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(String::from_utf8_lossy(&full.stderr).contains("No space left"), "{full:?}");
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let closed = check(writer.into());
    assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    assert!(closed.stderr.is_empty(), "{closed:?}");
}
