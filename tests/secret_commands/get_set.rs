//! `secrets set`, `get`, `list` and `delete`.

use std::fs;

use serde_json::{Value, json};

use super::{Platform, get, set};
use crate::support::{fault::Fault, shell::Shell};

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_pipe_file_or_terminal() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("key.pem");
    fs::write(&file, "line 1\nline 2\n").expect("a file");
    let from_file = format!("PEM=@{}", file.display());

    let created = acme.feed(&["secrets", "set", "acme", "mcp/x", "PIPED"], b"from-a-pipe\n");
    assert_eq!(created.done(), "created acme/mcp/x: version 1\n");
    let mixed = ["secrets", "set", "acme", "mcp/x", "BOTH", &from_file];
    let changed = acme.feed(&mixed, b"a=b\r\n");
    assert_eq!(changed.done(), "changed acme/mcp/x: version 2\n");
    let expected = json!({"BOTH": "a=b", "PEM": "line 1\nline 2", "PIPED": "from-a-pipe"});
    assert_eq!(get(&acme, "acme", "mcp/x", None), expected);

    acme.run(&["secrets", "set", "acme", "mcp/x", &from_file, "--exact", "--unset", "BOTH"]).done();
    let expected = json!({"PEM": "line 1\nline 2\n", "PIPED": "from-a-pipe"});
    assert_eq!(get(&acme, "acme", "mcp/x", None), expected);
    acme.run(&["secrets", "set", "acme", "mcp/x", "--unset", "PEM"]).done();

    let typed = ["secrets", "set", "acme", "mcp/x", "ONE", "TWO"];
    let dialogue = [("unseen:ONE: ", "typed-unseen\n"), ("unseen:TWO: ", "as-well\n")];
    let shown = acme.on_a_terminal(&typed, &dialogue).done();
    assert!(shown.contains("version 5") && !shown.contains("unseen"), "{shown}");
    let expected = json!({"ONE": "typed-unseen", "PIPED": "from-a-pipe", "TWO": "as-well"});
    assert_eq!(get(&acme, "acme", "mcp/x", None), expected);

    set(&acme, "acme", "mcp/x", &json!({"ONLY": "this"}));
    assert_eq!(get(&acme, "acme", "mcp/x", None), json!({"ONLY": "this"}));
}

#[test]
fn value_argument_is_refused_unechoed() {
    // Nobody is asked.
    let acme = Shell::new("http://127.0.0.1:1", "s.own");
    for arguments in [
        ["acme", "crm", "PASSWORD=hunter2"].as_slice(),
        &["acme", "crm", "PASSWORD=@"],
        &["acme", "crm", "A", "PASSWORD=hunter2"],
        &["acme", "PASSWORD=hunter2"],
        &["PASSWORD=hunter2", "crm"],
        &["acme", "crm", "hunter2!"],
        &["acme", "crm", "--unset", "hunter2!"],
        &["acme", "crm", "A", "B"],
        &["acme", "crm", "A", "--create", "--if-version", "1"],
    ] {
        let ended = acme.run(&[&["secrets", "set"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?} {ended:?}");
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let ended = acme.run(&["secrets", "set", "acme", "crm", "A=b"]);
    ended.failed(2, "name only the KEY and type or pipe the value, or use KEY=@FILE");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_value_writes_nothing() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "before"}));
    let set_a = ["secrets", "set", "acme", "crm", "A"];
    for line_end in ["", "\n", "\r\n"] {
        acme.feed(&set_a, line_end.as_bytes()).failed(2, "the value of A is empty; nothing");
    }
    acme.feed(&set_a, b"hunter2\xff").failed(2, "not valid UTF-8");
    acme.feed(&set_a, &vec![b'a'; 1024 * 1024 + 1]).failed(2, "larger than 1 MiB");
    let all = &set_a[..4];
    for (json, words) in [
        ("{\"A\": hunter2", "not JSON"),
        ("{\"A\": 1}", "the value of `A` is not a string"),
        ("{\"A\": \"1\", \"A\": \"2\"}", "duplicated"),
        ("", "standard input is empty"),
        ("[]", r#"expected an object of strings: {"KEY":"value"}"#),
        ("{\"hunter2!\": \"1\"}", "key 1 is not"),
    ] {
        let ended = acme.feed(all, json.as_bytes());
        ended.failed(2, words);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
    let missing = acme.run(&["secrets", "set", "acme", "crm", "A=@hunter2"]);
    missing.failed(2, "the file for A");
    assert!(!missing.stderr.contains("hunter2"), "it may have been the value: {missing:?}");
    let nothing = acme.on_a_terminal(&set_a, &[("unseen:A: ", "\n")]);
    assert!(nothing.code == Some(2) && nothing.stdout.contains("is empty"), "{nothing:?}");
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "before"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_value_needs_a_flag() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("empty");
    fs::write(&file, "").expect("a file");
    let from_file = format!("A=@{}", file.display());
    let set_a = ["secrets", "set", "acme", "crm", &from_file];
    for arguments in [set_a.as_slice(), &[&set_a[..], &["--exact"]].concat()] {
        acme.run(arguments).failed(2, "Use --allow-empty to write it");
    }
    acme.run(&[&set_a[..], &["--allow-empty"]].concat()).done();
    set(&acme, "acme", "json", &json!({"A": ""}));
    for name in ["crm", "json"] {
        assert_eq!(get(&acme, "acme", name, None), json!({"A": ""}));
    }
    acme.feed(&["secrets", "set", "acme", "crm", "A"], b"ends-in-cr\r").done();
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "ends-in-cr\r"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_key_must_exist() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let unset = |key| acme.run(&["secrets", "set", "acme", "crm", "--unset", key]);
    unset("A").failed(1, "there is no such secret");
    set(&acme, "acme", "crm", &json!({"A": "1", "B": "2"}));
    unset("C").failed(1, "it has no key `C` to remove; it has A, B; nothing was written");
    let one_of_two = ["secrets", "set", "acme", "crm", "NEW", "--unset", "C"];
    acme.feed(&one_of_two, b"3").failed(1, "nothing was written");
    assert_eq!(unset("B").done(), "changed acme/crm: version 2\n");
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn uncertain_write_is_distinguished() {
    let platform = Platform::start().await;
    let acme = Shell::new(&platform.fault.addr(), platform.acme.token())
        .with("VALIDATOR_VAULT_TIMEOUT", "1s");
    let throttled = Fault::Status(429, r#"{"errors":["rate limit quota exceeded"]}"#);
    let sealed = Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#);
    for (call, fault, certain) in [
        ("GET /v1/secret/data/", Fault::Hang, true),
        ("GET /v1/transit/keys/", throttled, true),
        ("POST /v1/transit/encrypt/", Fault::Garbage, true),
        ("POST /v1/secret/data/", throttled, true),
        ("POST /v1/secret/data/", sealed, true),
        ("POST /v1/secret/data/", Fault::Hang, false),
        ("POST /v1/secret/data/", Fault::Lost, false),
        ("POST /v1/secret/data/", Fault::Status(200, "{}"), false),
        ("POST /v1/secret/data/", Fault::Status(502, "{}"), false),
    ] {
        platform.fault.set_for(call, fault).await;
        let ended = acme.feed(&["secrets", "set", "acme", "crm", "A"], b"1");
        let certainty = if certain {
            "; nothing was written"
        } else {
            "; whether it was done is unknown: `secrets versions acme crm`"
        };
        ended.failed(1, certainty);
        assert_eq!(ended.stderr.contains("nothing was"), certain, "{call} {fault:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_values_are_masked() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "hunter2 \u{1b}[2J", "B": "$x"}));
    let hidden = "\u{202e}\u{9b}\u{200b}";
    set(&acme, "acme", "hidden", &json!({"A": hidden}));
    for more in [&["A"][..], &["--output", "json"], &["--dialect", "docker"]] {
        let get = [&["secrets", "get", "acme", "hidden", "--reveal"], more].concat();
        let shown = acme.on_a_terminal(&get, &[]).done();
        assert!(shown.contains("202e") && !hidden.chars().any(|c| shown.contains(c)), "{shown:?}");
    }
    let get = ["secrets", "get", "acme", "hidden", "--output", "json"];
    assert_eq!(acme.run(&get).json()["data"]["A"], hidden);
    let all = ["secrets", "get", "acme", "crm"];
    let one = ["secrets", "get", "acme", "crm", "A"];
    let json = ["secrets", "get", "acme", "crm", "--output", "json"];
    for arguments in [all.as_slice(), &one, &json] {
        let shown = acme.on_a_terminal(arguments, &[]).done();
        assert!(shown.contains("********") && !shown.contains("hunter2"), "{shown}");
        let shown = acme.on_a_terminal(&[arguments, &["--reveal"]].concat(), &[]).done();
        assert!(shown.contains("hunter2") && !shown.contains("\x1b[2J"), "{shown:?}");
    }
    assert_eq!(acme.run(&one).done(), "hunter2 \u{1b}[2J");
    assert_eq!(acme.run(&all).done(), "A=\"hunter2 \u{1b}[2J\"\nB=\"\\$x\"\n");
    let docker = acme.run(&[&all[..], &["--dialect", "docker"]].concat()).done();
    assert_eq!(docker, "A=hunter2 \u{1b}[2J\nB=$x\n");
    let document = acme.run(&json).json();
    assert_eq!((&document["version"], &document["data"]["B"]), (&json!(1), &json!("$x")));
    acme.run(&["secrets", "get", "acme", "crm", "C"]).failed(1, "its keys: A, B");
}

#[tokio::test(flavor = "multi_thread")]
async fn write_checks_its_precondition() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let write = |arguments: &[&str], value: &str| {
        acme.feed(&[&["secrets", "set", "acme", "crm", "A"], arguments].concat(), value.as_bytes())
    };
    write(&["--if-version", "1"], "0").failed(1, "nothing was written");
    write(&["--create"], "1").done();
    write(&["--create"], "2").failed(1, "nothing was written");
    write(&["--if-version", "1"], "2").done();
    write(&["--if-version", "1"], "3").failed(1, "nothing was written");
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "2"}));
    assert_eq!(get(&acme, "acme", "crm", Some("1")), json!({"A": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_key_writes_are_kept() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A0": "0"}));
    std::thread::scope(|scope| {
        for number in 1..=8 {
            let acme = &acme;
            scope.spawn(move || {
                let key = format!("A{number}");
                acme.feed(&["secrets", "set", "acme", "crm", &key], key.as_bytes()).done();
            });
        }
    });
    let expected: Value = (1..=8)
        .map(|number| (format!("A{number}"), json!(format!("A{number}"))))
        .chain([("A0".to_owned(), json!("0"))])
        .collect();
    assert_eq!(get(&acme, "acme", "crm", None), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_secret_is_listed_and_writable() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for name in ["crm", "mcp/hostinger"] {
        set(&acme, "acme", name, &json!({"A": "1"}));
    }
    let delete = ["secrets", "delete", "acme", "crm"];
    acme.run(&delete).failed(2, "add --yes");
    let declined = acme.on_a_terminal(&delete, &[("Type yes: ", "no\n")]);
    assert_eq!(declined.code, Some(1), "{declined:?}");
    let stale = [&delete[..], &["--yes", "--if-version", "7"]].concat();
    acme.run(&stale).failed(1, "nothing was written");
    get(&acme, "acme", "crm", None);
    let agreed = acme.on_a_terminal(&delete, &[("Type yes: ", "yes\n")]);
    assert!(agreed.done().contains("to undo: secrets undelete acme crm --version 1"));
    let gone = acme.run(&["secrets", "get", "acme", "crm"]);
    gone.failed(1, "version 1 was deleted; `secrets undelete acme crm --version 1` brings it back");
    let listed = acme.run(&["secrets", "list", "acme", "--output", "json"]).json();
    let expected = json!({"tenant": "acme", "secrets": [
        {"name": "crm", "version": 1, "deleted": true},
        {"name": "mcp/hostinger", "version": 1, "deleted": false},
    ]});
    assert_eq!(listed, expected);
    let table = acme.run(&["secrets", "list", "acme"]).done();
    assert_eq!(table, "  crm            version 1  deleted\n  mcp/hostinger  version 1\n");
    acme.feed(&["secrets", "set", "acme", "crm", "B"], b"2").done();
    assert_eq!(get(&acme, "acme", "crm", None), json!({"B": "2"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn error_has_remedy_without_values() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "hunter2"}));
    acme.run(&["secrets", "get", "acme", "odoo"]).failed(1, "`secrets list acme` lists");
    acme.run(&["secrets", "get", "globex", "crm"]).failed(1, "policies/tenant.hcl");
    acme.run(&["secrets", "list", "globex"]).failed(1, "does not grant");
    let unknown = Shell::to(&platform.bao, "s.unknown");
    unknown.run(&["secrets", "get", "acme", "crm"]).failed(1, "Run `vault login`");
    acme.run(&["secrets", "get", "ACME", "crm"]).failed(2, "a tenant's name is");
    acme.run(&["secrets", "get", "acme", "a/../b"]).failed(2, "a secret's name is");
    let away = Shell::new(&platform.fault.addr(), platform.acme.token());
    platform.fault.set_for("POST /v1/transit/decrypt", Fault::Garbage).await;
    let ended = away.run(&["secrets", "get", "acme", "crm"]);
    ended.failed(1, "acme/crm: ");
    assert!(!ended.stderr.contains(platform.acme.token()), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_logs_in_with_approle() {
    let platform = Platform::start().await;
    set(&platform.acme(), "acme", "crm", &json!({"A": "1"}));
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("secret-id");
    let role = &platform.acme.caller.role;
    fs::write(&file, &role.secret_id).expect("a file");
    let service = Shell::to(&platform.bao, "")
        .with("VALIDATOR_ROLE_ID", &role.role_id)
        .with("VALIDATOR_SECRET_ID_FILE", &file.display().to_string());
    assert_eq!(get(&service, "acme", "crm", None), json!({"A": "1"}));
}
