//! The command itself: what is printed, and what is never.

use super::{Shell, provisioned};
use crate::support::{bao::Bao, direct::Direct, platform};

#[tokio::test(flavor = "multi_thread")]
async fn doctor_prints_table() {
    let service = Direct::start().await;
    let shell = Shell::of_service(&service.bao.addr(), &service.role);
    let admin = service.validator.admin_url().replace("http://", "");
    let said = shell.run(&["--admin-listen", &admin]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    let start = format!("Vault at {}\n  ok  address      127.0.0.1", service.bao.addr());
    assert!(said.stdout.starts_with(&start), "{}", said.stdout);
    for line in [
        "\n\nThe service's token\n  ok  login                     Vault accepts the token of the AppRole\n",
        "\n  skipped  secrets engine    because the service's token has no read on sys/mounts\n  skipped",
        &format!("\n  ok       ready          {admin} reports that it is ready\n"),
        " skipped: no problems found, but not everything was checked\n",
    ] {
        assert!(said.stdout.contains(line), "{line} in {}", said.stdout);
    }
    assert!(!said.stdout.contains('\x1b'), "colours, and nobody to see them");
    let remedy = "-> use a token of yours that has policies/operator.hcl";
    assert_eq!(said.stdout.matches(remedy).count(), 1, "one remedy for four: {}", said.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_configuration() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let shell = || Shell::of_service(&bao.addr(), &role);
    shell().diagnosis(&[]).is("configuration", "ok", "valid");
    let said = shell().with("VALIDATOR_CACHE_TTL", "long").with("VALIDATOR_NO", "x").diagnosis(&[]);
    assert_eq!(said.all("fail"), ["configuration", "configuration"]);
    // The rest is looked at all the same.
    said.is("no secrets", "ok", "");
    let said = shell().with("VAULT_TOKEN", bao.root_token()).diagnosis(&[]);
    said.is("configuration", "warning", "set in addition to the AppRole; it is used as yours");
    said.is("audit", "ok", "");
    let said = Shell::at(&bao.addr()).and_home_of(bao.root_token()).diagnosis(&[]);
    said.is("configuration", "warning", "no Vault login is configured");
    let said = Shell::at(&bao.addr()).diagnosis(&[]);
    said.is("configuration", "fail", "no Vault login is configured");
    let said = Shell::at("nonsense").diagnosis(&[]);
    said.is("configuration", "fail", "VAULT_ADDR");
    said.is("address", "skipped", "is misconfigured");
}

#[tokio::test(flavor = "multi_thread")]
async fn unready_service_fails() {
    let service = Direct::start().await;
    let shell = Shell::of_service(&service.bao.addr(), &service.role);
    let admin = service.validator.admin_url().replace("http://", "");
    shell.diagnosis(&["--admin-listen", &admin]).is("ready", "ok", "");
    service.bao.seal().await;
    service.validator.unready("vault_sealed").await;
    shell.diagnosis(&["--admin-listen", &admin]).is("ready", "fail", "503");
    service.validator.process().kill();
    shell.diagnosis(&["--admin-listen", &admin]).is("ready", "fail", "does not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_never_printed_or_arguments() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let token = platform::token(&bao, serde_json::json!({"policies": ["operator"]})).await;
    let shell = Shell::of_service(&bao.addr(), &role).with("VAULT_TOKEN", &token);
    let mut shown = String::new();
    for arguments in [
        vec![],
        vec!["--output", "json"],
        vec![&*token],
        vec!["--caddy", "http://127.0.0.1:1", "--caddy-token", &token],
    ] {
        let said = shell.run(&arguments);
        shown += &said.stdout;
        shown += &said.stderr;
    }
    let odd = format!("{token} and more");
    let said = shell.run_with(&["--caddy", "http://127.0.0.1:1", "--caddy-token", "-"], &odd);
    assert_eq!(said.code, Some(2), "{said:?}");
    shown += &said.stderr;
    assert!(!shown.contains(&token) && !shown.contains(&role.secret_id), "{shown}");
    assert!(shown.contains("one passed as an argument is visible to other users"), "{shown}");
    assert!(shown.contains("--caddy-token has to be the path of a file, or -"), "{shown}");
}
