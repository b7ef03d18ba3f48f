//! The lines of a dialect, read by the very program that they are for.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use secrecy::SecretString;
use serde_json::Value;
use vault_auth_validator::secrets::{EnvFormat, SecretData, SecretKey};

use crate::support::tools;

/// Values that are easily misread: quotes, escapes, expansions, blanks, line ends, comments.
const PIECES: [&str; 30] = [
    "\"",
    "'",
    "\\",
    "$",
    "`",
    "#",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "{",
    "}",
    "${",
    "${A}",
    "${A:-x}",
    "${:-$}",
    "$A",
    "$(x)",
    "\\n",
    "\\\"",
    " # x",
    "=",
    "export A=",
    "\u{b}",
    "\u{85}",
    "\u{2028}",
    "ü",
    "\u{feff}",
    "a",
];

/// All values of up to three pieces.
fn values() -> Vec<String> {
    let mut values = vec![String::new()];
    let mut last = values.clone();
    for _ in 0..3 {
        last = last
            .iter()
            .flat_map(|value| PIECES.iter().map(move |piece| format!("{value}{piece}")))
            .collect();
        values.extend(last.iter().cloned());
    }
    values
}

/// A secret with these values, by keys that begin with the letter.
fn secret(values: &[String]) -> SecretData {
    let pair = |(number, value): (usize, &String)| {
        let key = SecretKey::parse(&format!("K{number}")).expect("a key");
        (key, SecretString::from(value.as_str()))
    };
    values.iter().enumerate().map(pair).collect()
}

/// Reads the files that are named on standard input, as podman-compose does, which leaves the parsing to
/// python-dotenv.
const READER: &str = r"
import json, sys
from dotenv import dotenv_values
from podman_compose import dotenv_to_dict, norm_as_list
for path in sys.stdin.read().splitlines():
    values = dotenv_values(path)
    assert norm_as_list(dotenv_to_dict(path)) == [f'{k}={v}' for k, v in values.items()]
    print(json.dumps(values))
";

#[test]
fn dotenv_readers_parse_exact_values() {
    let values = values();
    let folder = tempfile::tempdir().expect("a temporary directory");
    // It looks through all values that are there already for each more.
    let parts: Vec<&[String]> = values.chunks(250).collect();
    let mut paths = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        let lines = secret(part).to_env(EnvFormat::PythonDotenv).expect("each fits");
        fs::write(&path, lines.as_bytes()).expect("a file");
        paths.push(path.display().to_string());
    }
    let mut child = Command::new(tools::python())
        .args(["-c", READER])
        .env_clear()
        .env("A", "of-the-environment")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    child.stdin.take().expect("a pipe").write_all(paths.join("\n").as_bytes()).expect("the names");
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "{output:?}");
    let read = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(read.lines().count(), parts.len());
    for (part, read) in parts.iter().zip(read.lines()) {
        let read: Value = serde_json::from_str(read).expect("JSON");
        assert_eq!(read.as_object().expect("values").len(), part.len());
        for (number, value) in part.iter().enumerate() {
            assert_eq!(read[format!("K{number}")], **value, "K{number}");
        }
    }
}

#[test]
fn podman_compose_passes_exact_values() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let values = ["", "a b", "a\"$`\\", "${A} $A", "two\r\nlines # ü", "'"].map(str::to_owned);
    let lines = secret(&values).to_env(EnvFormat::PythonDotenv).expect("each fits");
    fs::write(folder.path().join("crm.env"), lines.as_bytes()).expect("a file");
    let file = "services:\n  crm:\n    image: crm\n    env_file: crm.env\n";
    fs::write(folder.path().join("compose.yaml"), file).expect("a file");
    let called = folder.path().join("called");
    let output = Command::new(tools::podman_compose())
        .arg("--podman-path")
        .arg(tools::repository("tests/support/podman"))
        .args(["run", "--rm", "crm", "true"])
        .current_dir(folder.path())
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("A", "of-the-environment")])
        .env("PODMAN_CALLED", &called)
        .output()
        .expect("podman-compose");
    let called = fs::read_to_string(called);
    let called = called.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let arguments: Vec<&str> = called.split_terminator('\0').collect();
    let given: Vec<&str> =
        arguments.windows(2).filter(|pair| pair[0] == "-e").map(|pair| pair[1]).collect();
    let expected: Vec<String> =
        values.iter().enumerate().map(|(number, value)| format!("K{number}={value}")).collect();
    assert_eq!(given, expected);
}
