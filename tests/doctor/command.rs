//! The output and the arguments of `doctor`.

use super::{Shell, provisioned};
use crate::support::{bao::Bao, direct::Direct, platform};

#[tokio::test(flavor = "multi_thread")]
async fn doctor_prints_table() {
    let service = Direct::start().await;
    let shell = Shell::of_service(&service.bao.addr(), &service.role);
    let admin = service.validator.admin_url().replace("http://", "");
    let output = shell.run(&["--admin-listen", &admin]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let start = format!("Vault at {}\n  ok  address      127.0.0.1", service.bao.addr());
    assert!(output.stdout.starts_with(&start), "{}", output.stdout);
    for line in [
        "\n\nThe service's token\n  ok  login                     Vault accepts the token of the AppRole\n",
        "\n  skipped  secrets engine    because the service's token has no read on sys/mounts\n  skipped",
        &format!("\n  ok       ready          {admin} reports that it is ready\n"),
        " skipped: no problems found, but not everything was checked\n",
    ] {
        assert!(output.stdout.contains(line), "{line} in {}", output.stdout);
    }
    assert!(!output.stdout.contains('\x1b'), "colours without a terminal");
    let remedy = "-> use a token of yours that has policies/operator.hcl";
    assert_eq!(output.stdout.matches(remedy).count(), 1, "one remedy for four: {}", output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_configuration() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let shell = || Shell::of_service(&bao.addr(), &role);
    shell().diagnosis(&[]).is("configuration", "ok", "valid");
    let diagnosis =
        shell().with("VALIDATOR_CACHE_TTL", "long").with("VALIDATOR_NO", "x").diagnosis(&[]);
    assert_eq!(diagnosis.all("fail"), ["configuration", "configuration"]);
    // The other checks are performed nevertheless.
    diagnosis.is("no secrets", "ok", "");
    let diagnosis = shell().with("VAULT_TOKEN", bao.root_token()).diagnosis(&[]);
    diagnosis.is("configuration", "warning", "set in addition to the AppRole; it is used as yours");
    diagnosis.is("audit", "ok", "");
    let diagnosis = Shell::at(&bao.addr()).and_home_of(bao.root_token()).diagnosis(&[]);
    diagnosis.is("configuration", "warning", "no Vault login is configured");
    let diagnosis = Shell::at(&bao.addr()).diagnosis(&[]);
    diagnosis.is("configuration", "fail", "no Vault login is configured");
    let diagnosis = Shell::at("nonsense").diagnosis(&[]);
    diagnosis.is("configuration", "fail", "VAULT_ADDR");
    diagnosis.is("address", "skipped", "is misconfigured");
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
    shell.diagnosis(&["--admin-listen", &admin]).is("ready", "fail", "does not respond");
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
        let output = shell.run(&arguments);
        shown += &output.stdout;
        shown += &output.stderr;
    }
    let odd = format!("{token} and more");
    let output = shell.run_with(&["--caddy", "http://127.0.0.1:1", "--caddy-token", "-"], &odd);
    assert_eq!(output.code, Some(2), "{output:?}");
    shown += &output.stderr;
    assert!(!shown.contains(&token) && !shown.contains(&role.secret_id), "{shown}");
    assert!(shown.contains("one passed as an argument is visible to other users"), "{shown}");
    assert!(shown.contains("--caddy-token has to be the path of a file, or -"), "{shown}");
}
