//! `explain`: its output, its permissions, and its agreement with `/validate`.

mod mcp;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{
    bao::Bao,
    direct::Direct,
    platform::{self, create_caller, set_policy, token_with},
    shell::Shell,
    stack::bearer,
    tools,
};

/// An operator who runs `explain`.
struct Operator {
    address: String,
    token: String,
}

/// The exit code and output.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Operator {
    /// An operator with the service's rights alone.
    async fn new(bao: &Bao) -> Self {
        let options = json!({"policies": ["validator"], "ttl": "1h"});
        Self { address: bao.addr(), token: platform::token(bao, options).await }
    }

    /// An operator who may read policies as well.
    async fn with_policy_access(bao: &Bao) -> Self {
        let policy = "path \"sys/policies/acl/+\" { capabilities = [\"read\"] }";
        set_policy(bao, "policy-reader", policy).await;
        let options = json!({"policies": ["validator", "policy-reader"], "ttl": "1h"});
        Self { address: bao.addr(), token: platform::token(bao, options).await }
    }

    /// Explains the decision about this token, which is read from standard input.
    fn explain(&self, token: &str, arguments: &[&str]) -> Ended {
        let variables = [("VAULT_ADDR", &*self.address), ("VAULT_TOKEN", &self.token)];
        run(token, arguments, &variables)
    }

    /// Returns the table, with values that differ between runs replaced.
    fn table(&self, token: &str, arguments: &[&str], secret: &[(&str, &str)]) -> String {
        let ended = self.explain(token, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        let mut table = ended.stdout;
        for (value, name) in secret {
            table = table.replace(value, name);
        }
        let timeless = |line: &str| match line.split_once("expires ") {
            Some((before, after)) => {
                let end = after.find(';').unwrap_or(after.len());
                format!("{before}expires TIME{}\n", &after[end..])
            }
            None => format!("{line}\n"),
        };
        table.lines().map(timeless).collect()
    }
}

fn run(token: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut child = Command::new(tools::validator())
        .arg("explain")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may end without having read anything.
    let _ = child.stdin.take().expect("a pipe").write_all(token.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_shows_requirement_basis() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let caller = &service.acme.caller;
    let arguments = [
        "--require",
        "tenant=acme&policy=crm-admin,crm-agent&acl=secret/data/tenants/acme/crm\
         &acl_uri=secret/data/tenants/acme&acl_uri=secret/data/tenants/globex",
        "--host",
        "acme.crm.localhost",
        "--uri",
        "/notes/7?page=2",
    ];
    let table = operator.table(&caller.token, &arguments, &[]);
    let expected = "\
GET https://acme.crm.localhost/notes/7?page=2
refused  403 acl_denied: Vault's policies deny this request

  ok  token                               an active service token of entity:acme, expires TIME
  ok  tenant=acme                         the caller's tenant is acme
  ok  policy=crm-admin,crm-agent          the token's policies are crm-agent, default, tenant
  ok  acl=secret/data/tenants/acme/crm    Vault grants create, read, update on secret/data/tenants/acme/crm; GET needs read
  ok  acl_uri=secret/data/tenants/acme    Vault grants create, read, update on secret/data/tenants/acme/notes/7; GET needs read
  no  acl_uri=secret/data/tenants/globex  Vault grants nothing on secret/data/tenants/globex/notes/7; GET needs read
                                          the deciding policy is unknown: cannot read crm-agent, \
403 1 error occurred: * permission denied (and 2 more); your token needs read on sys/policies/acl/+
";
    assert_eq!(table, expected);
    let table = operator.table(&caller.token, &arguments[2..4], &[]);
    let expected = "\
GET https://acme.crm.localhost/
allowed  200

  ok  token  an active service token of entity:acme, expires TIME
";
    assert_eq!(table, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn table_shows_token_problem() {
    let mut service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let bao = &mut service.bao;
    let wrapping = bao.wrapped("POST", "sys/wrapping/wrap", Some(json!({"gift": 1}))).await;
    bao.enter("t1").await;
    let foreign = platform::token(bao, json!({"policies": ["default"], "ttl": "1h"})).await;
    bao.enter("").await;
    let root = bao.root_token().to_owned();
    for (token, arguments, verdict, rows) in [
        (
            "s.unknown",
            [].as_slice(),
            "refused  401 token_invalid: The token is not valid",
            vec![
                "no  token  it is unknown, expired or revoked, or its entity is disabled"
                    .to_owned(),
            ],
        ),
        (
            "",
            &[],
            "refused  401 credential_missing: A credential is required",
            vec!["no  token  no credential was sent".to_owned()],
        ),
        (
            "a b",
            &[],
            "refused  401 credential_malformed: The credential is malformed",
            vec!["no  token  it contains characters that no token has".to_owned()],
        ),
        (
            &root,
            &[],
            "refused  403 token_not_allowed: Tokens of this kind are not accepted",
            vec![
                "ok  token  an active service token without an entity, never expires".to_owned(),
                "no  kind   it is a root token; VALIDATOR_ALLOW_ROOT=true accepts these".to_owned(),
            ],
        ),
        (
            &foreign,
            &["--require", "tenant=acme&policy=a"],
            "refused  403 token_not_allowed: Tokens of this kind are not accepted",
            vec![
                "ok  token  an active token".to_owned(),
                "no  kind   it belongs to another namespace than VAULT_NAMESPACE".to_owned(),
            ],
        ),
    ] {
        let table = operator.table(token, arguments, &[]);
        let expected = format!("GET /\n{verdict}\n\n  {}\n", rows.join("\n  "));
        assert_eq!(table, expected);
    }
    let table = operator.table(&wrapping, &[], &[]);
    assert!(table.contains("no  kind   it is a response-wrapping token"), "{table}");
    let unwrapped = service.bao.request_as(&wrapping, "POST", "sys/wrapping/unwrap", None).await;
    assert_eq!(unwrapped.0, 200, "it can still be unwrapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_shows_bound_networks() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let bound = json!({"policies": ["tenant"], "bound_cidrs": ["192.0.2.0/24", "::1"]});
    let bound = platform::token(&service.bao, bound).await;
    for (arguments, verdict, outcome, more) in [
        (["--client", "192.0.2.1"].as_slice(), "allowed  200", "ok", ""),
        (
            &["--client", "198.51.100.1"],
            "refused  403 address_not_allowed: The token cannot be used from this address",
            "no",
            "",
        ),
        (
            &[],
            "refused  400 request_invalid: The request is invalid",
            "no",
            ", and the client's address is unknown",
        ),
    ] {
        let table = operator.table(&bound, arguments, &[]);
        let expected = format!(
            "GET /\n{verdict}\n\n\
             \x20 ok  token    an active service token without an entity, expires TIME\n\
             \x20 {outcome}  address  it may be used from 192.0.2.0/24, ::1/128{more}\n"
        );
        assert_eq!(table, expected);
    }
}

/// A check that is met.
fn met(check: &str, because: &Value) -> Value {
    json!({
        "check": check, "ok": true, "code": null, "because": because, "path": null, "spoken": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn json_output_matches_table() {
    let service = Direct::start().await;
    let operator = Operator::with_policy_access(&service.bao).await;
    let caller = &service.acme.caller;
    let arguments = [
        "--output",
        "json",
        "--method",
        "DELETE",
        "--uri",
        "/7",
        "--client",
        "192.0.2.1",
        "--require",
        "tenant=acme&acl_uri=secret/data/tenants/acme",
    ];
    let ended = operator.explain(&caller.token, &arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let mut printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(printed["caller"]["expires"].take().is_string());
    let live = printed["checks"][0]["because"].take();
    assert!(live.as_str().is_some_and(|text| text.starts_with("an active service token of")));
    let expected = json!({
        "request": {"method": "DELETE", "host": null, "uri": "/7", "client": "192.0.2.1", "mcp": null},
        "allowed": false,
        "status": 403,
        "code": "acl_denied",
        "caller": {
            "accessor": caller.accessor,
            "subject": caller.subject(),
            "entity_id": caller.entity_id,
            "tenant": "acme",
            "policies": ["crm-agent", "default", "tenant"],
            "token_type": "service",
            "expires": null,
            "bound_cidrs": [],
        },
        "checks": [
            met("token", &Value::Null),
            met("tenant=acme", &json!("the caller's tenant is acme")),
            {
                "check": "acl_uri=secret/data/tenants/acme",
                "ok": false,
                "code": "acl_denied",
                "because": "Vault grants create, read, update on secret/data/tenants/acme/7; \
                            DELETE needs delete",
                "path": "secret/data/tenants/acme/7",
                "spoken": [{
                    "policy": "tenant",
                    "line": line_of_tenant_secrets(),
                    "path": TENANT_SECRETS,
                    "grants": "create, read, update",
                }],
            },
        ],
    });
    assert_eq!(printed, expected);
    let ended = operator.explain("s.unknown", &["--output", "json"]);
    let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&printed["caller"], &printed["code"]), (&Value::Null, &json!("token_invalid")));
}

/// The path of the rule of `policies/tenant.hcl` that grants access to secrets.
const TENANT_SECRETS: &str = "secret/data/tenants/{{identity.entity.metadata.tenant}}/*";

/// Returns the line of that rule.
fn line_of_tenant_secrets() -> usize {
    let policy =
        std::fs::read_to_string(tools::repository("policies/tenant.hcl")).expect("the policy");
    let is_rule = |line: &str| line.contains(&format!("path \"{TENANT_SECRETS}\""));
    policy.lines().position(is_rule).expect("the rule") + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_names_deciding_policy() {
    let service = Direct::start().await;
    let operator = Operator::with_policy_access(&service.bao).await;
    let policy = "# For the CRM.\npath \"route/crm/*\" {\n  capabilities = [\"read\"]\n}\n\
                  path \"route/+/private\" {\n  capabilities = [\"deny\"]\n}\n";
    set_policy(&service.bao, "crm-agent", policy).await;
    let tenant_rule = format!(
        "policy tenant, line {}: path \"{TENANT_SECRETS}\" with capabilities create, read, update",
        line_of_tenant_secrets()
    );
    for (path, explanation) in [
        (
            "route/crm/contacts",
            "policy crm-agent, line 2: path \"route/crm/*\" with capabilities read",
        ),
        (
            "route/erp/private",
            "policy crm-agent, line 5: path \"route/+/private\" with capabilities deny",
        ),
        ("route/erp/public", "no rule of the caller's policies matches it"),
        ("secret/data/tenants/acme/note", &tenant_rule),
    ] {
        let require = format!("acl={path}");
        let arguments = ["--method", "DELETE", "--require", &require];
        let table = operator.table(service.acme.token(), &arguments, &[]);
        assert!(table.contains("acl_denied") && table.contains(explanation), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn templated_rules_are_named() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let entity_id = &service.acme.caller.entity_id;
    let entity = bao.must("GET", &format!("identity/entity/id/{entity_id}"), None).await;
    let alias = &entity["data"]["aliases"][0];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let path = format!("identity/entity-alias/id/{}", text(&alias["id"]));
    bao.must("POST", &path, Some(json!({"custom_metadata": {"desk": "7"}}))).await;
    let ops =
        json!({"name": "ops", "metadata": {"area": "south"}, "member_entity_ids": [entity_id]});
    let ops = text(&bao.must("POST", "identity/group", Some(ops)).await["data"]["id"]);
    bao.must("POST", "identity/group", Some(json!({"name": "others"}))).await;
    let selectors = [
        format!(
            "a/{{{{identity.entity.aliases.{}.custom_metadata.desk}}}}",
            text(&alias["mount_accessor"])
        ),
        "b/{{identity.groups.names.ops.metadata.area}}".to_owned(),
        format!("c/{{{{identity.groups.ids.{ops}.name}}}}"),
        "d/{{identity.groups.names.others.name}}".to_owned(),
        "e/{{identity.groups.names.nobody.name}}".to_owned(),
    ];
    let rules = selectors.map(|path| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n"));
    set_policy(bao, "crm-agent", &rules.concat()).await;
    let operator = json!({"policies": ["operator", "validator"], "ttl": "1h"});
    let operator = Operator { address: bao.addr(), token: platform::token(bao, operator).await };
    for (path, line) in [("a/7", 1), ("b/south", 2), ("c/ops", 3), ("d/others", 0), ("e/x", 0)] {
        let require = format!("acl={path}");
        let arguments = ["--method", "DELETE", "--require", &require];
        let table = operator.table(service.acme.token(), &arguments, &[]);
        let explanation = match line {
            0 => "no rule of the caller's policies matches it".to_owned(),
            line => format!("policy crm-agent, line {line}: path \"{}", &path[..2]),
        };
        assert!(table.contains(&explanation), "{path}: {table}");
    }
    // Without the right to read groups it is not known.
    let operator = Operator::with_policy_access(bao).await;
    let table = operator.table(service.acme.token(), &["--require", "acl=d/others"], &[]);
    assert!(table.contains("the deciding policy is unknown"), "{table}");
    assert!(table.contains("read on identity/entity/id/+, identity/group/id/+"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_read_from_stdin() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let token = service.acme.token();
    for input in [format!("{token}\n"), format!(" {token} \r\n"), format!("{token}\nmore\n")] {
        let ended = operator.explain(&input, &[]);
        assert!(ended.stdout.contains("allowed  200"), "{ended:?}");
        assert!(!ended.stdout.contains(token) && ended.stderr.is_empty());
    }
    let option = format!("--token={token}");
    for arguments in [[token], [option.as_str()]] {
        let ended = operator.explain(token, &arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(!ended.stderr.contains(token), "{}", ended.stderr);
    }
    let ended = operator.explain("", &[token]);
    assert!(ended.stderr.contains("standard input"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_consumes_no_token_use() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let options = json!({"policies": ["tenant"], "num_uses": 1, "ttl": "1h"});
    let token = platform::token(&service.bao, options).await;
    for _ in 0..3 {
        let table = operator.table(&token, &["--require", "acl=a&policy=tenant"], &[]);
        assert!(table.contains("each validation consumes one of its uses"), "{table}");
        assert!(table.contains("refused  403 acl_denied"), "{table}");
    }
    assert_eq!(service.ask(&token).await.status, 200);
    let table = operator.table(&token, &[], &[]);
    assert!(table.contains("refused  401 token_invalid"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permission_names_remedy() {
    let service = Direct::start().await;
    let mut operator = Operator::new(&service.bao).await;
    let address = operator.address.clone();
    let token = service.acme.token();
    let assert_error = |ended: &Ended, code: i32, words: &[&str]| {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        assert_eq!(ended.stderr.trim_end().lines().count(), words.len(), "{}", ended.stderr);
        for (line, words) in ended.stderr.lines().zip(words) {
            assert!(line.contains(words), "`{words}` in {line}");
        }
    };
    let no_token = run(token, &[], &[("VAULT_ADDR", &address)]);
    assert_error(&no_token, 2, &["the configuration is invalid", "VAULT_TOKEN: not set"]);
    let nowhere = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.own")];
    assert_error(&run(token, &[], &nowhere), 1, &["http://127.0.0.1:1: Vault cannot be reached"]);
    let default = json!({"policies": ["default"], "ttl": "1h"});
    operator.token = platform::token(&service.bao, default).await;
    assert_error(
        &operator.explain(token, &[]),
        1,
        &["your own token needs what policies/validator.hcl"],
    );
    let half = r#"
        path "auth/token/lookup" { capabilities = ["update"] }
        path "auth/token/lookup-self" { capabilities = ["read"] }
        path "identity/entity/id/+" { capabilities = ["read"] }
    "#;
    operator.token = token_with(&service.bao, half).await;
    assert_eq!(operator.explain(token, &["--require", "tenant=acme"]).code, Some(0));
    let ended = operator.explain(token, &["--require", "acl=a"]);
    assert_error(&ended, 1, &["update on auth/token/lookup and sys/capabilities"]);
    operator.token = "s.unknown".to_owned();
    assert_error(&operator.explain(token, &[]), 1, &["Vault rejected the token"]);
    service.bao.seal().await;
    assert_error(&operator.explain(token, &[]), 1, &["sealed"]);
}

#[test]
fn requirement_is_parsed_first() {
    let nowhere = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.own")];
    for (option, value, words) in [
        (
            "--require",
            "tennant=a",
            "use policy, tenant, acl, acl_uri, mcp, resource, login, cross_site or cookies",
        ),
        ("--require", "tenant=", "`tenant` has an empty value"),
        ("--require", "tenant=acme#&policy=a", "has to be percent-encoded"),
        ("--require", "tenant={labels.9}", "was not replaced"),
        ("--require", "policy=%zz", "two hexadecimal digits are missing"),
        ("--require", "acl=/a", "without a slash at its ends"),
        ("--require", "acl=a+b", "%2B"),
        ("--method", "", "visible ASCII"),
        ("--uri", "/ä", "percent-encoded"),
        ("--client", "nobody", "invalid IP address"),
    ] {
        let ended = run("s.token", &[option, value], &nowhere);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(option), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "`{words}` in {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explanation_matches_decision() {
    let mut service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    let operator = Operator::new(&service.bao).await;
    let tokens = tokens(&mut service).await;
    let mut decisions = std::collections::BTreeMap::<String, usize>::new();
    for (kind, token) in &tokens {
        for (method, uri, client, require) in REQUESTS {
            let arguments = [
                "--output",
                "json",
                "--method",
                method,
                "--uri",
                uri,
                "--client",
                client,
                "--require",
                require,
            ];
            let ended = operator.explain(token, &arguments);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{kind}: {ended:?}");
            let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
            let headers = [
                ("authorization", &*bearer(token)),
                ("x-forwarded-method", method),
                ("x-forwarded-uri", uri),
                ("x-forwarded-for", client),
            ];
            let answer = service.validator.validate(require, &headers).await;
            let code =
                if answer.status == 200 { Value::Null } else { answer.json()["code"].clone() };
            let request = format!("{kind}: {method} {uri} from {client}, {require}");
            assert_eq!(
                (&printed["status"], &printed["code"]),
                (&json!(answer.status), &code),
                "{request}"
            );
            assert_eq!(printed["allowed"], json!(answer.status == 200), "{request}");
            *decisions.entry(code.to_string()).or_default() += 1;
        }
    }
    assert!(decisions.len() >= 8, "{decisions:?}");
}

/// Method, target, client's address and requirements.
const REQUESTS: [(&str, &str, &str, &str); 8] = [
    ("GET", "/", "192.0.2.1", ""),
    ("GET", "/", "198.51.100.1", "policy=tenant"),
    ("POST", "/a", "192.0.2.1", "tenant=acme&acl_uri=route"),
    ("GET", "/a", "192.0.2.1", "acl_uri=route&acl=route/b"),
    ("get", "/a", "192.0.2.1", "acl=route/b"),
    ("GET", "/a/../b", "192.0.2.1", "acl_uri=route"),
    ("DELETE", "/", "192.0.2.1", "acl=route/b&policy=crm-admin"),
    ("PUT", "/%61", "192.0.2.1", "tenant=globex&acl_uri=route"),
];

/// One token of each kind.
async fn tokens(service: &mut Direct) -> Vec<(&'static str, String)> {
    let bao = &mut service.bao;
    let route = r#"path "route/*" { capabilities = ["create", "read"] }"#;
    set_policy(bao, "route", route).await;
    let options = |more: Value| {
        let mut options = json!({"policies": ["tenant", "route"], "ttl": "1h"});
        let all = options.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        options
    };
    let ann = create_caller(bao, "ann", json!({"tenant": "acme"}), &["tenant", "route"]).await;
    let disabled = create_caller(bao, "disabled", json!({}), &["tenant"]).await;
    let path = format!("identity/entity/id/{}", disabled.entity_id);
    bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    let revoked = platform::token(bao, options(json!({}))).await;
    bao.must("POST", "auth/token/revoke", Some(json!({ "token": revoked }))).await;
    bao.enter("t1").await;
    let foreign = platform::token(bao, json!({"policies": ["default"], "ttl": "1h"})).await;
    bao.enter("").await;
    let (_, suffix) = foreign.rsplit_once('.').expect("a namespace");
    let bound = options(json!({"bound_cidrs": ["192.0.2.0/24"]}));
    let uncountable = options(json!({"bound_cidrs": ["192.0.2.0/24"], "num_uses": 5}));
    vec![
        ("an entity's", ann.token),
        ("another tenant's", service.globex.token().to_owned()),
        ("nobody's", platform::token(bao, options(json!({}))).await),
        ("counted", platform::token(bao, options(json!({"num_uses": 100}))).await),
        ("bound", platform::token(bao, bound).await),
        ("counted and bound", platform::token(bao, uncountable).await),
        ("batch", platform::token(bao, options(json!({"type": "batch"}))).await),
        ("wrapping", bao.wrapped("POST", "sys/wrapping/wrap", Some(json!({"a": 1}))).await),
        ("made up", format!("s.aaaaaaaaaaaaaaaaaaaaaaaa.{suffix}")),
        ("of another namespace", foreign),
        ("root", bao.root_token().to_owned()),
        ("unknown", "s.unknown".to_owned()),
        ("malformed", "a,b".to_owned()),
        ("revoked", revoked),
        ("disabled", disabled.token),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_token_exits_with_2() {
    let bao = Bao::dev().await;
    let operator = Operator::new(&bao).await;
    let shell = Shell::to(&bao, &operator.token);
    for form in [&[][..], &["--output", "json"]] {
        let ended = shell.feed(&[&["explain"], form].concat(), b"\xff\xfe\n");
        ended.failed(2, "the token cannot be read: stream did not contain valid UTF-8");
    }
}
