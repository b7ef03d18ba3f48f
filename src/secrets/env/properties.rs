//! Generated secrets, written in each dialect and read back: by a real shell, and by readers that
//! are implemented from each format's documentation, independently of the writer.

mod readers;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use proptest::{collection::btree_map, prelude::*};
use secrecy::SecretString;

use self::readers::{compose, docker, systemd};
use super::EnvFormat;
use crate::secrets::{SecretData, SecretKey};

type Pairs = Vec<(String, String)>;

/// Values with quotes, escapes, expansions, white space, line ends and comments.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => r#"[ \t"'\\$`#;={}()!&|<>*?~a-c0-9]{1,4}"#,
        2 => prop::sample::select(vec![
            "\n", "\r", "\r\n", "\\\n", "\\n", "\\\"", "\\'", "$A", "${A}", "$(echo x)", "`echo x`",
            "$$", "\\$", " # no comment", "export A=", "\u{b}", "\u{a0}", "\u{2028}", "ü", "😀",
            "\u{feff}", "\u{fffe}", "\\0", "\\x41", "%s", "'\\''", "\u{1}", "\u{7f}",
        ]).prop_map(str::to_owned),
        1 => "[^\0]{0,3}",
        1 => "[a-z0-9_./:@%+,-]{0,8}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Names that no shell reserves.
fn pairs() -> impl Strategy<Value = Pairs> {
    btree_map("[A-Z][A-Z0-9_]{0,5}Q|z[a-z0-9_]{0,5}", value(), 0..5)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn secret(pairs: &Pairs) -> SecretData {
    let pair = |(key, value): &(String, String)| {
        (SecretKey::parse(key).expect("a key"), SecretString::from(value.as_str()))
    };
    pairs.iter().map(pair).collect()
}

/// The pairs that the dialect can represent, and their lines.
fn written(pairs: Pairs, dialect: EnvFormat) -> (Pairs, String) {
    let fits = |pair: &(String, String)| secret(&vec![pair.clone()]).to_env(dialect).is_ok();
    let pairs: Pairs = pairs.into_iter().filter(fits).collect();
    let lines = secret(&pairs).to_env(dialect).expect("each of them fits");
    (pairs, lines.to_string())
}

/// The variables of these names in this shell after it has run the lines.
fn run_by(shell: &[&str], lines: &str, pairs: &Pairs) -> Pairs {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", "set -a; . /dev/stdin; exec /usr/bin/env -0"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(lines.as_bytes()).expect("the lines");
    drop(stdin);
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "{shell:?}: {:?} on {lines:?}", output.status);
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    let variables = output.split_terminator('\0').filter_map(|pair| pair.split_once('='));
    let mut found: Pairs = variables
        .filter(|(key, _)| pairs.iter().any(|(wanted, _)| wanted == key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sh_round_trips(pairs in pairs()) {
        let (pairs, lines) = written(pairs, EnvFormat::Sh);
        prop_assert_eq!(run_by(&["sh"], &lines, &pairs), pairs);
    }

    #[test]
    fn compose_round_trips(pairs in pairs()) {
        let (pairs, lines) = written(pairs, EnvFormat::Compose);
        prop_assert_eq!(compose(&lines), Ok(pairs), "{:?}", lines);
    }

    #[test]
    fn docker_round_trips(pairs in pairs()) {
        let (pairs, lines) = written(pairs, EnvFormat::Docker);
        prop_assert_eq!(docker(&lines), Ok(pairs), "{:?}", lines);
    }

    #[test]
    fn systemd_round_trips(pairs in pairs()) {
        let (pairs, lines) = written(pairs, EnvFormat::Systemd);
        prop_assert_eq!(systemd(&lines), Ok(pairs), "{:?}", lines);
    }

    #[test]
    fn only_unencodable_is_rejected(value in value()) {
        let pairs = vec![("KEY".to_owned(), value.clone())];
        for dialect in EnvFormat::ALL {
            let refused = secret(&pairs).to_env(dialect).is_err();
            let expected = match dialect {
                EnvFormat::Compose | EnvFormat::PythonDotenv | EnvFormat::Sh => false,
                EnvFormat::Docker => value.contains('\n') || value.ends_with('\r'),
                EnvFormat::Systemd => value.chars().any(readers::is_rejected_by_systemd),
            };
            prop_assert_eq!(refused, expected, "{} {:?}", dialect, value);
        }
    }
}

/// The shells that are installed on this machine.
fn shells() -> Vec<&'static [&'static str]> {
    let known: [&[&str]; 7] = [
        &["sh"],
        &["dash"],
        &["bash"],
        &["bash", "--posix"],
        &["busybox", "sh"],
        &["mksh"],
        &["zsh", "--emulate", "sh", "-f"],
    ];
    let is_there = |shell: &&[&str]| {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", ":"]).env_clear().stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    known.into_iter().filter(is_there).collect()
}

#[test]
fn every_shell_round_trips() {
    let value = "a\\ \"$HOME\" `id` 'x'\n!! # \r\t~ ü".to_owned();
    let pairs: Pairs = vec![("KEY".to_owned(), value), ("OTHER".to_owned(), String::new())];
    let (pairs, lines) = written(pairs, EnvFormat::Sh);
    for shell in shells() {
        assert_eq!(run_by(shell, &lines, &pairs), pairs, "{shell:?}");
    }
}

/// The variables of this shell before anything is run.
fn variables_of(shell: &[&str]) -> Vec<String> {
    let list = "compgen -A variable 2>/dev/null; set";
    let output = Command::new(shell[0]).args(&shell[1..]).args(["-c", list]).env_clear().output();
    let output = String::from_utf8_lossy(&output.expect("a shell").stdout).into_owned();
    let names = output.lines().map(|line| line.split_once('=').map_or(line, |(name, _)| name));
    names.filter(|name| SecretKey::parse(name).is_some()).map(str::to_owned).collect()
}

#[test]
fn accepted_variables_are_not_reserved() {
    for shell in shells() {
        let mut names = variables_of(shell);
        names.extend(["SRANDOM", "PIPESTATUS", "SHLVL", "FUNCNAME", "RANDOM"].map(str::to_owned));
        // `PATH` decides where `env` is found. `USERNAME` is zsh's and accepted all the same.
        names.retain(|name| name != "PATH" && name != "USERNAME");
        for name in names {
            let (pairs, lines) = written(vec![(name.clone(), "a b 1".to_owned())], EnvFormat::Sh);
            if !pairs.is_empty() {
                assert_eq!(run_by(shell, &lines, &pairs), pairs, "{name} of {shell:?}");
            }
        }
    }
}

#[test]
fn plain_values_are_not_quoted() {
    let line = |value: &str, dialect| {
        secret(&vec![("KEY".to_owned(), value.to_owned())])
            .to_env(dialect)
            .map(|lines| lines.to_string())
    };
    for dialect in EnvFormat::ALL {
        let plain = "postgres://crm:5432/a_b-c,d@x+y%20.z";
        assert_eq!(line(plain, dialect), Ok(format!("KEY={plain}\n")));
    }
    for (value, compose, docker, systemd, dotenv, sh) in [
        ("", r#""""#, "", r#""""#, r#""""#, r#""""#),
        ("a b", r#""a b""#, "a b", r#""a b""#, r#""a b""#, r#""a b""#),
        (
            r#"a"$`\"#,
            r#""a\"\$`\\""#,
            r#"a"$`\"#,
            r#""a\"\$\`\\""#,
            r#""a\"$`${:-\\}""#,
            r#""a\"\$\`\\""#,
        ),
        (r"${A}", r#""\${A}""#, "${A}", r#""\${A}""#, r#""${:-$}{A}""#, r#""\${A}""#),
    ] {
        let expected =
            [compose, docker, systemd, dotenv, sh].map(|value| Ok(format!("KEY={value}\n")));
        assert_eq!(EnvFormat::ALL.map(|dialect| line(value, dialect)), expected, "{value}");
    }
}

#[test]
fn error_hides_value() {
    let long = "x".repeat(70_000);
    for (key, value, dialects) in [
        ("KEY", "hidden\0value", EnvFormat::ALL.as_slice()),
        ("KEY", "hidden\nvalue", &[EnvFormat::Docker]),
        ("KEY", long.as_str(), &[EnvFormat::Docker]),
        ("KEY", "hidden\u{feff}value", &[EnvFormat::Systemd]),
        ("_", "hidden-value", &[EnvFormat::Sh]),
        ("UID", "hidden-value", &[EnvFormat::Sh]),
        ("BASH_ENV", "hidden-value", &[EnvFormat::Sh]),
        ("SRANDOM", "hidden-value", &[EnvFormat::Sh]),
        ("PIPESTATUS", "hidden-value", &[EnvFormat::Sh]),
        ("SHLVL", "hidden-value", &[EnvFormat::Sh]),
    ] {
        for dialect in EnvFormat::ALL {
            let outcome = secret(&vec![(key.to_owned(), value.to_owned())]).to_env(dialect);
            assert_eq!(outcome.is_err(), dialects.contains(&dialect), "{key} for {dialect}");
            if let Err(error) = outcome {
                let text = error.to_string();
                assert!(text.contains(key) && text.contains(dialect.as_str()), "{text}");
                assert!(!text.contains("hidden") && text.len() < 200, "{text}");
            }
        }
    }
}
