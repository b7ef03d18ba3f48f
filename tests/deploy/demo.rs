//! The compose file's demo: the setup by its script, and the commands that it prints.

use std::{fs, process::Command};

use crate::support::{
    backend::Backend,
    bao::Bao,
    caddy::Caddy,
    platform::AppRole,
    tools::{self, repository},
    validator::Validator,
};

#[tokio::test(flavor = "multi_thread")]
async fn demo_commands_match_their_output() {
    let bao = Bao::dev().await;
    let login = tempfile::tempdir().expect("a temporary directory");
    let tools = tools::bao().parent().expect("a folder").display().to_string();
    let setup = Command::new("sh")
        .arg(repository("deploy/demo/setup.sh"))
        .env_clear()
        .env("PATH", format!("{tools}:/usr/bin:/bin"))
        .env("HOME", login.path())
        .env("LOGIN", login.path())
        .env("POLICIES", repository("policies"))
        .env("BAO_ADDR", bao.addr())
        .env("BAO_TOKEN", bao.root_token())
        .output()
        .expect("sh");
    let printed = String::from_utf8_lossy(&setup.stdout).into_owned();
    assert!(setup.status.success(), "{printed}{}", String::from_utf8_lossy(&setup.stderr));
    let greeting = format!("GREETING=@{}", repository("deploy/demo/greeting").display());
    let set = Command::new(tools::validator())
        .args(["secrets", "set", "demo", "greeting", &greeting])
        .env_clear()
        .env("VAULT_ADDR", bao.addr())
        .env("VAULT_TOKEN", bao.root_token())
        .output()
        .expect("the validator");
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));

    let secret_id = fs::read_to_string(login.path().join("secret-id")).expect("the secret id");
    let role = AppRole { role_id: "validator".to_owned(), secret_id };
    let validator = Validator::start(&bao, &role, &[]).await;
    let backend = Backend::start().await;
    let api = validator.api_url().replace("http://", "");
    let upstreams = [("API_UPSTREAM", api.as_str())];
    let caddy = Caddy::start(validator.auth_address(), backend.address(), &upstreams).await;

    let token = printed.lines().find_map(|line| line.trim().strip_prefix("TOKEN="));
    let authorization = format!("Bearer {}", token.expect("a token"));
    let lines = printed.lines().filter(|line| line.contains("curl"));
    let mut tried = 0;
    for line in lines {
        let (status, rest) = line.split_once("  curl ").expect("a status and a command");
        let url = rest.rsplit(' ').next().expect("a URL");
        let (host, path) = url.trim_start_matches("http://").split_once(":8088").expect("the port");
        let headers = [("authorization", authorization.as_str())];
        let headers = if rest.contains("$TOKEN") { &headers[..] } else { &[] };
        let answer = caddy.send("GET", host, path, headers).await;
        assert_eq!(answer.status.to_string(), status, "{line}: {}", answer.body);
        assert!(!path.contains("greeting") || answer.body.contains("hello from the demo tenant"));
        tried += 1;
    }
    assert_eq!(tried, 4);
}
