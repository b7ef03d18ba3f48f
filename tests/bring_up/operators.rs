//! Operators: the account that `bootstrap` makes, and what its token is enough for.

use serde_json::json;

use super::{Credentials, add_person, log_in_as, operator, platform, root};
use crate::support::{bao::Bao, shell::Shell};

#[tokio::test(flavor = "multi_thread")]
async fn operator_replaces_root_token() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let bootstrap = ["bootstrap", "--operator", "Olga"];
    let dry = credentials.run(&root(&bao), &[&bootstrap[..], &["--dry-run"]].concat()).done();
    assert!(dry.contains("  create  account      olga (userpass/)"), "{dry}");
    assert_eq!(credentials.names(), Vec::<String>::new());
    let message = credentials.run(&root(&bao), &bootstrap).done();
    let password = credentials.read("olga-password");
    assert!(!message.contains(&password), "it is shown to nobody");
    assert!(message.contains("next: bao login -method=userpass username=olga, with"), "{message}");
    assert!(message.contains("`bao token revoke -self`"), "{message}");
    let again = credentials.run(&root(&bao), &bootstrap).done();
    assert!(again.contains("\nnothing to change\n"), "{again}");
    assert_eq!(credentials.read("olga-password"), password);

    let token = log_in_as(&bao, "olga", &password).await;
    let own = bao.request_as(&token, "GET", "auth/token/lookup-self", None).await.1;
    assert_eq!(own["data"]["policies"], json!(["default", "operator"]));
    assert_eq!(own["data"]["creation_ttl"], 3600);
    Shell::to(&bao, &token).run(&["tenants", "create", "acme"]).done();
    credentials.run(&Shell::to(&bao, &token), &["policies", "plan"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_account_keeps_password() {
    let bao = platform().await;
    let account = json!({"password": "from before", "token_policies": ["staff"]});
    bao.must("POST", "auth/userpass/users/olga", Some(account)).await;
    let credentials = Credentials::new();
    let bootstrap = ["bootstrap", "--operator", "olga", "--output", "json"];
    credentials.run(&root(&bao), &bootstrap).failed(1, "add --yes");
    credentials.run(&root(&bao), &[&bootstrap[..], &["--yes"]].concat()).json();
    let account = bao.must("GET", "auth/userpass/users/olga", None).await;
    assert_eq!(account["data"]["token_policies"], json!(["operator", "staff"]));
    assert_eq!(account["data"]["token_ttl"], 0);
    log_in_as(&bao, "olga", "from before").await;
    assert!(!credentials.names().contains(&"olga-password".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_password_is_not_written() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let bootstrap = ["bootstrap", "--operator", "olga", "--operator-password", "-"];
    let path = credentials.path();
    let arguments = [&bootstrap[..], &["--credentials", &path]].concat();
    root(&bao).feed(&arguments, b"given by hand\n").done();
    assert!(!credentials.names().contains(&"olga-password".to_owned()));
    log_in_as(&bao, "olga", "given by hand").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_auth_method_creates_no_account() {
    let bao = Bao::dev().await;
    bao.must("POST", "sys/auth/corp", Some(json!({"type": "jwt"}))).await;
    let shell = root(&bao).with("VALIDATOR_SUBJECT_MOUNT", "corp");
    let credentials = Credentials::new();
    let words = "the auth method at corp/ has the type jwt";
    credentials.run(&shell, &["bootstrap", "--operator", "olga"]).failed(1, words);
    assert_eq!(credentials.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_policy_suffices_for_explain() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    shell.run(&["tenants", "create", "acme"]).done();
    add_person(&shell, "acme", "ana", &["--policy", "route-crm"]).done();
    let token = log_in_as(&bao, "ana", "secret-of-it").await;
    let explain = |requirement: &str| {
        shell.feed(&["explain", "--require", requirement], token.as_bytes()).done()
    };
    let allowed = explain("tenant=acme&acl=route/crm&policy=route-crm");
    assert!(allowed.contains("allowed  200") && allowed.contains("of ana"), "{allowed}");
    let refused = explain("tenant=acme&acl=route/n8n");
    assert!(refused.contains("refused  403 acl_denied"), "{refused}");
    assert!(refused.contains("no rule of the caller's policies matches it"), "{refused}");
    let unknown = shell.feed(&["explain"], b"s.unknown").done();
    assert!(unknown.contains("refused  401 token_invalid"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_secret_id_is_explained() {
    let bao = platform().await;
    let (shell, credentials) = (operator(&bao).await, Credentials::new());
    let create = ["tenants", "create", "acme", "--service", "n8n"];
    let json = [&create[..], &["--output", "json"]].concat();
    let report = credentials.run(&shell, &json).json();
    let advice = report["next"][0].as_str().expect("advice");
    for words in
        ["valid for one start within 1h", "--new-secret-id", "bao unwrap", "--plain-secret-id"]
    {
        assert!(advice.contains(words), "{words} in {advice}");
    }
    let text = Credentials::new().run(&shell, &[&create[..], &["--new-secret-id"]].concat()).done();
    assert!(text.contains("valid for one start within 1h"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_secret_id_is_reusable() {
    let bao = platform().await;
    let create = ["tenants", "create", "acme", "--service", "n8n", "--plain-secret-id"];
    let refused = Credentials::new().run(&operator(&bao).await, &create);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let words = "update on auth/approle/role/acme-n8n/secret-id without min_wrapping_ttl: the policy \
                 `operator` grants wrapped secret ids only";
    assert!(refused.stdout.contains(words), "{refused:?}");
    let credentials = Credentials::new();
    let message = credentials.run(&root(&bao), &create).done();
    assert!(message.contains("valid for every start"), "{message}");
    let body = json!({
        "role_id": credentials.read("acme-n8n-role-id"),
        "secret_id": credentials.read("acme-n8n-secret-id"),
    });
    for _ in 0..2 {
        let login = bao.request_as("", "POST", "auth/approle/login", Some(body.clone())).await;
        assert_eq!(login.0, 200, "{}", login.1);
    }
}

#[test]
fn invalid_tenant_has_one_message() {
    let shell = Shell::new("http://127.0.0.1:1", "s.own");
    let refusal = |arguments: &[&str]| {
        let ended = shell.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        let line = ended.stderr.lines().next().expect("a line").to_owned();
        line.split(": ").last().expect("a reason").to_owned()
    };
    let words = refusal(&["tenants", "show", "ACME"]);
    for command in ["create", "rotate", "shred", "remove"] {
        assert_eq!(refusal(&["tenants", command, "ACME"]), words, "{command}");
    }
    assert_eq!(refusal(&["tenants", "members", "list", "ACME"]), words);
    assert_eq!(refusal(&["tenants", "members", "add", "ACME", "ana"]), words);
}
