//! `tenants members`, by an operator with the policy `operator` and no other.

use serde_json::{Value, json};

use super::{add_person, entity_of, log_in_as, operator, platform};
use crate::{
    expect::granted,
    support::{
        bao::Bao,
        platform::{app_role, log_in, set_policy},
        shell::Shell,
        validator::Validator,
    },
};

async fn with_tenants() -> (Bao, Shell) {
    let bao = platform().await;
    let shell = operator(&bao).await;
    for tenant in ["acme", "globex"] {
        shell.run(&["tenants", "create", tenant]).done();
    }
    (bao, shell)
}

fn add<'a>(tenant: &'a str, name: &'a str) -> [&'a str; 5] {
    ["tenants", "members", "add", tenant, name]
}

/// The members of a tenant, as `show` has them.
fn members(shell: &Shell, tenant: &str) -> Vec<Value> {
    let shown = shell.run(&["tenants", "show", tenant, "--output", "json"]).json();
    shown["members"].as_array().expect("members").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_person_gets_tenant_and_application() {
    let (bao, shell) = with_tenants().await;
    let added = add_person(&shell, "acme", "Ana", &["--policy", "route-n8n"]);
    assert!(!added.stdout.contains("secret-of-it"), "{added:?}");
    assert!(added.done().contains("next: bao login -method=userpass username=ana\n"));
    let token = log_in_as(&bao, "ana", "secret-of-it").await;

    let role = app_role(&bao, "validator", json!({"token_policies": "validator"})).await;
    let validator = Validator::start(&bao, &role, &[]).await;
    let headers = [("x-vault-token", token.as_str()), ("x-forwarded-method", "GET")];
    let answer = validator.validate("tenant=acme&acl=route/n8n", &headers).await;
    granted(&answer);
    assert_eq!(answer.header("x-auth-tenant"), Some("acme"));
    assert_eq!(answer.header("x-auth-subject"), Some("ana"));
    for refused in ["acl=route/crm", "acl=route/chatwoot", "policy=operator", "tenant=globex"] {
        assert_eq!(validator.validate(refused, &headers).await.status, 403, "{refused}");
    }
    let secret = bao.request_as(&token, "LIST", "secret/metadata/tenants/acme", None).await;
    assert_eq!(secret.0, 404, "the policy `tenant` holds");

    let shown = members(&shell, "acme");
    assert_eq!((shown.len(), &shown[0]["name"]), (1, &json!("ana")));
    assert_eq!(shown[0]["policies"], json!(["route-n8n", "tenant"]));
    assert_eq!(
        shown[0]["logins"],
        json!([{"name": "ana", "mount": "userpass", "method": "userpass"}])
    );
    let again = shell.run(&[&add("acme", "ANA")[..], &["--output", "json"]].concat()).json();
    assert_eq!(again["changed"], 0, "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_entity_keeps_other_data() {
    let (bao, shell) = with_tenants().await;
    let account = json!({"password": "of ben", "token_policies": ["other"]});
    bao.must("POST", "auth/userpass/users/ben", Some(account)).await;
    let token = log_in_as(&bao, "ben", "of ben").await;
    let entity = entity_of(&bao, &token).await;
    let path = format!("identity/entity/id/{}", entity["id"].as_str().expect("an id"));
    let more = json!({"metadata": {"team": "sales"}, "policies": ["by-hand"], "disabled": true});
    bao.must("POST", &path, Some(more)).await;
    let group =
        json!({"name": "sellers", "policies": ["of-group"], "member_entity_ids": [entity["id"]]});
    bao.must("POST", "identity/group", Some(group)).await;

    shell.run(&[&add("acme", "ben")[..], &["--policy", "route-crm"]].concat()).done();
    let now = bao.must("GET", &path, None).await["data"].clone();
    assert_eq!(now["metadata"], json!({"team": "sales", "tenant": "acme"}));
    assert_eq!((&now["policies"], &now["disabled"]), (&json!(["by-hand"]), &json!(true)));
    assert_eq!(now["name"], entity["name"]);
    let account = bao.must("GET", "auth/userpass/users/ben", None).await;
    assert_eq!(account["data"]["token_policies"], json!(["other", "route-crm", "tenant"]));

    let shown = members(&shell, "acme");
    let all = json!(["by-hand", "of-group", "other", "route-crm", "tenant"]);
    assert_eq!((&shown[0]["policies"], &shown[0]["policies_unknown"]), (&all, &json!([])));
    assert_eq!((&shown[0]["disabled"], &shown[0]["name"]), (&json!(true), &json!("ben")));
    let text = shell.run(&["tenants", "show", "acme"]).done();
    assert!(text.contains("disabled  by-hand, of-group, other"), "{text}");

    shell.run(&["tenants", "members", "remove", "acme", "Ben"]).done();
    let now = bao.must("GET", &path, None).await["data"].clone();
    assert_eq!(now["metadata"], json!({"team": "sales"}));
    assert_eq!((&now["policies"], &now["disabled"]), (&json!(["by-hand"]), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn person_stays_in_one_tenant() {
    let (bao, shell) = with_tenants().await;
    add_person(&shell, "acme", "ana", &[]).done();
    let token = log_in_as(&bao, "ana", "secret-of-it").await;
    let before = entity_of(&bao, &token).await;
    let words =
        "it belongs to the tenant acme: `vault-auth-validator tenants members remove acme ana";
    shell.run(&add("globex", "ana")).failed(1, words);
    assert_eq!(entity_of(&bao, &token).await, before);
    assert_eq!(members(&shell, "globex"), Vec::<Value>::new());
    let remove = ["tenants", "members", "remove", "globex", "ana"];
    shell.run(&remove).failed(1, "ana belongs to acme, not to globex; nothing was changed");
    shell.run(&["tenants", "members", "remove", "acme", "ana"]).done();
    shell.run(&remove).failed(1, "ana belongs to no tenant");
    shell.run(&add("globex", "ana")).done();
    assert_eq!(entity_of(&bao, &token).await["metadata"], json!({"tenant": "globex"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_member_counts_as_member() {
    let (bao, shell) = with_tenants().await;
    set_policy(&bao, "tenant-acme", "path \"x\" { capabilities = [\"read\"] }").await;
    add_person(&shell, "acme", "ana", &["--policy", "tenant-acme"]).done();
    let words = "but its tokens have the policy tenant-acme, which still assigns them to acme";
    shell.run(&["tenants", "members", "remove", "acme", "ana"]).failed(1, words);
    let token = log_in_as(&bao, "ana", "secret-of-it").await;
    assert_eq!(entity_of(&bao, &token).await["metadata"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_additions_conflict() {
    let (bao, shell) = with_tenants().await;
    for round in 0..6 {
        let name = format!("somebody-{round}");
        let path = format!("auth/userpass/users/{name}");
        bao.must("POST", &path, Some(json!({"password": "x"}))).await;
        let ended = std::thread::scope(|scope| {
            let runs = ["acme", "globex"].map(|tenant| {
                let (shell, name) = (&shell, &name);
                scope.spawn(move || shell.run(&add(tenant, name)))
            });
            runs.map(|run| run.join().expect("a run"))
        });
        let done: Vec<_> = ended.iter().filter(|ended| ended.code == Some(0)).collect();
        assert_eq!(done.len(), 1, "{ended:?}");
        let of = |tenant| {
            members(&shell, tenant).iter().filter(|it| it["name"] == name.as_str()).count()
        };
        assert_eq!(of("acme") + of("globex"), 1, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_additions_are_recorded() {
    let (bao, shell) = with_tenants().await;
    let names: Vec<String> = (0..8).map(|number| format!("person-{number}")).collect();
    for name in &names {
        let path = format!("auth/userpass/users/{name}");
        bao.must("POST", &path, Some(json!({"password": "x"}))).await;
    }
    std::thread::scope(|scope| {
        for name in &names {
            let shell = &shell;
            scope.spawn(move || shell.run(&add("acme", name)).done());
        }
    });
    let shown = members(&shell, "acme");
    let shown: Vec<_> =
        shown.iter().map(|member| member["name"].as_str().expect("a name")).collect();
    assert_eq!(shown, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_creation_is_explicit() {
    let (bao, shell) = with_tenants().await;
    let there_is_none = "there is no account anna at userpass/: add --create-user";
    shell.run(&add("acme", "anna")).failed(1, there_is_none);
    let create = [&add("acme", "anna")[..], &["--create-user"]].concat();
    shell.run(&create).failed(2, "--password-file");
    let empty = shell.feed(&[&create[..], &["--password-file", "-"]].concat(), b"\n");
    assert!(empty.stderr.contains("the password is empty; no account was created"), "{empty:?}");
    assert_eq!(empty.code, Some(2), "{empty:?}");
    for (name, words) in [("a/b", "user name"), ("ana@acme.com", "user name"), ("..", "user name")]
    {
        add_person(&shell, "acme", name, &[]).failed(1, words);
    }
    add_person(&shell, "nobody", "anna", &[]).failed(1, "there is no tenant nobody");
    add_person(&shell, "acme", "anna", &["--policy", "route-none"])
        .failed(1, "no policy route-none");
    add_person(&shell, "acme", "anna", &["--mount", "none"]).failed(1, "no auth method at none/");
    add_person(&shell, "acme", "anna", &["--mount", "approle"]).failed(1, "`tenants create acme");
    let dry = add_person(&shell, "acme", "anna", &["--dry-run"]).done();
    assert!(dry.contains("  create  account  anna (userpass/)"), "{dry}");
    let users = bao.request("LIST", "auth/userpass/users", None).await;
    assert_eq!(users.0, 404, "{}", users.1);
    assert_eq!(members(&shell, "acme"), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn password_prompt_is_repeated_and_hidden() {
    let (bao, shell) = with_tenants().await;
    let arguments = [&add("acme", "ana")[..], &["--create-user"]].concat();
    let dialogue = [("unseen:Password of ana", "one\n"), ("unseen:Repeat the password", "two\n")];
    let ended = shell.on_a_terminal(&arguments, &dialogue);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stdout.contains("the passwords differ"), "{ended:?}");
    let dialogue =
        [("unseen:Password of ana", "typed\n"), ("unseen:Repeat the password", "typed\n")];
    let ended = shell.on_a_terminal(&arguments, &dialogue);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.contains("typed"), "{ended:?}");
    log_in_as(&bao, "ana", "typed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_need_a_first_login() {
    let (bao, shell) = with_tenants().await;
    bao.must("POST", "sys/auth/corp", Some(json!({"type": "jwt"}))).await;
    let at_corp = |more: &[&str]| {
        shell.run(&[&add("acme", "Ben@acme.com")[..], &["--mount", "auth/corp/"], more].concat())
    };
    at_corp(&[]).failed(1, "Ben@acme.com has not logged in at corp/ yet");
    at_corp(&["--policy", "route-crm"]).failed(1, "its roles set the policies");
    let methods = bao.must("GET", "sys/auth", None).await;
    let accessor = &methods["data"]["corp/"]["accessor"];
    let alias = json!({"name": "Ben@acme.com", "mount_accessor": accessor});
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    at_corp(&[]).done();
    let shown = members(&shell, "acme");
    assert_eq!(shown[0]["name"], "Ben@acme.com");
    assert_eq!(shown[0]["logins"][0]["mount"], "corp");
    let unknown = shown[0]["policies_unknown"][0].as_str().expect("a reason");
    assert_eq!(unknown, "corp/: they depend on the jwt role of the login");
    let remove = ["tenants", "members", "remove", "acme", "Ben@acme.com", "--mount", "corp"];
    let delete = [&remove[..], &["--delete-user", "--yes"]].concat();
    shell.run(&delete).failed(1, "so Vault has no accounts of them to delete; nothing was changed");
    assert_eq!(members(&shell, "acme").len(), 1);
    shell.run(&remove).done();
    assert_eq!(members(&shell, "acme").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_show_calls_are_bounded() {
    let (bao, shell) = with_tenants().await;
    add_person(&shell, "acme", "ana", &[]).done();
    shell.run(&["tenants", "show", "acme"]).done();
    let calls = || {
        let before = bao.audit_log().len();
        shell.run(&["tenants", "show", "acme"]).done();
        bao.audit_log().len() - before
    };
    let beside_few = calls();
    for number in 0..40 {
        let tenant = format!("tenant-{}", number % 10);
        let entity = json!({"name": format!("person-{number}"), "metadata": {"tenant": tenant}});
        bao.must("POST", "identity/entity", Some(entity)).await;
    }
    shell.run(&["tenants", "list"]).done();
    assert_eq!(calls(), beside_few);
    assert!(beside_few < 30, "{beside_few} entries, two for each call");
}

#[tokio::test(flavor = "multi_thread")]
async fn unrecorded_members_are_found() {
    let bao = platform().await;
    let entity = json!({"name": "from-before", "metadata": {"tenant": "acme"}});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let shown = operator(&bao).await.run(&["tenants", "show", "acme", "--output", "json"]).json();
    assert_eq!(shown["members"][0]["name"], "from-before");
    assert_eq!(shown["record_complete_since"], Value::Null, "all entities were read");
    let shown = operator(&bao).await.run(&["tenants", "show", "acme", "--output", "json"]).json();
    assert_eq!(shown["members"][0]["name"], "from-before");
    assert!(shown["record_complete_since"].is_string(), "those on record were read: {shown}");

    // By hand, and so not on record until all are read.
    let entity = json!({"name": "by-hand", "metadata": {"tenant": "acme"}});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let text = operator(&bao).await.run(&["tenants", "show", "acme"]).done();
    assert!(text.contains("added by other means") && !text.contains("by-hand"), "{text}");
    operator(&bao).await.run(&["tenants", "list"]).done();
    assert_eq!(members(&operator(&bao).await, "acme").len(), 2);
    // The record grants nothing, and what it says of somebody else is passed over.
    let id = bao.must("GET", "identity/entity/name/by-hand", None).await["data"]["id"].clone();
    let moved = json!({"metadata": {"tenant": "globex"}});
    bao.must("POST", "identity/entity/name/by-hand", Some(moved)).await;
    assert_eq!(members(&operator(&bao).await, "acme").len(), 1);
    operator(&bao).await.run(&["tenants", "list"]).done();
    let path = format!("secret/metadata/tenant-members/of/acme/{}", id.as_str().expect("an id"));
    assert_eq!(bao.request("GET", &path, None).await.0, 404, "the record is in line again");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permission_reads_all_entities() {
    let bao = platform().await;
    let entity = json!({"name": "somebody", "metadata": {"tenant": "acme"}});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let settings = "secret/metadata/tenant-settings";
    let policy =
        ["sys/auth", "sys/mounts", "transit/keys", "transit/keys/+", "identity/*", settings]
            .map(|path| format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n"))
            .concat();
    let token = crate::support::platform::token_with(&bao, &(policy + SELF)).await;
    let shell = Shell::to(&bao, &token);
    for _ in 0..2 {
        assert_eq!(members(&shell, "acme")[0]["name"], "somebody");
        assert!(shell.run(&["tenants", "list"]).done().contains("1 tenant\n"));
    }
}

const SELF: &str = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n";

#[tokio::test(flavor = "multi_thread")]
async fn service_is_not_a_person() {
    let (bao, shell) = with_tenants().await;
    let role = app_role(&bao, "by-hand", json!({"token_policies": "tenant"})).await;
    log_in(&bao, &role).await;
    let words = "`tenants create acme --service NAME` creates a service";
    shell.run(&[&add("acme", "by-hand")[..], &["--mount", "approle"]].concat()).failed(1, words);
}
