//! The token of a command's login is revoked however the command ends, without a wait for that.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Platform,
    pid1::{AS_PID_1, first, send},
    place::{Place, TIMEOUT, can_unshare, through},
    set,
};
use crate::support::{
    fault::Fault,
    platform::{self, accessors},
    process::Process,
    shell::Shell,
    validator::Validator,
    wait::eventually,
};

/// The longest that a signal takes to end a command.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The time that a login takes which a signal overtakes.
const LATE: Duration = Duration::from_millis(250);

const LOGIN: &str = "POST /v1/auth/approle/login";

/// A command that reads a secret, which takes as long as Vault does.
const GET: [&str; 4] = ["secrets", "get", "acme", "crm"];

/// OpenBao with a secret, a shell that logs in with acme's role, and the tokens that there are.
struct Scene {
    platform: Platform,
    place: Place,
    shell: Shell,
    before: Vec<String>,
}

impl Scene {
    async fn start() -> Self {
        let platform = Platform::start().await;
        set(&platform.acme(), "acme", "crm", &json!({"A": "1"}));
        let (place, role) = (Place::new(), &platform.acme.caller.role);
        let file = place.folder.path().join("secret-id");
        fs::write(&file, &role.secret_id).expect("a file");
        let shell = Shell::new(&platform.fault.addr(), "")
            .with("VALIDATOR_ROLE_ID", &role.role_id)
            .with("VALIDATOR_SECRET_ID_FILE", &file.display().to_string());
        let before = accessors(&platform.bao).await;
        Self { platform, place, shell, before }
    }

    fn logins(&self) -> usize {
        self.platform.bao.audited("auth/approle/login")
    }

    /// Waits until the fault has befallen more requests.
    async fn strikes(&self, struck: usize) {
        let more = async || (self.platform.fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a request that fails", more).await;
    }

    /// Waits until there are no more tokens than before.
    async fn nothing_is_left(&self, log: &str) {
        let gone = async || (accessors(&self.platform.bao).await == self.before).then_some(());
        eventually(Duration::from_secs(5), log, gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_interrupted_login_is_revoked() {
    let scene = Scene::start().await;
    let fault = &scene.platform.fault;
    let file = scene.place.file().display().to_string();
    let once = ["secrets", "render", "acme", "crm", "--file", &file];
    let watch = [&once[..], &["--watch"]].concat();
    for (arguments, code) in [(&GET[..], 143), (&once, 143), (&watch, 0)] {
        fault.set_for(LOGIN, Fault::Late(LATE)).await;
        let (struck, logins) = (fault.struck(), scene.logins());
        let command = scene.shell.start(arguments);
        scene.strikes(struck).await;
        let asked = Instant::now();
        command.signal("TERM");
        let status = command.exited(TIMEOUT).await;
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        assert_eq!(status.code(), Some(code), "{}", command.log());
        let login = async || (scene.logins() > logins).then_some(());
        eventually(TIMEOUT, "a login", login).await;
        scene.nothing_is_left(&format!("{arguments:?}: {}", command.log())).await;
        fault.set(Fault::Pass).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relogin_leaves_no_token() {
    let scene = Scene::start().await;
    let fault = &scene.platform.fault;
    let live = async |ttl: &str| {
        let settings = json!({"token_ttl": ttl, "token_explicit_max_ttl": ttl});
        scene.platform.bao.must("POST", "auth/approle/role/acme", Some(settings)).await;
    };
    for during_login in [false, true] {
        live("2s").await;
        let logins = scene.logins();
        let watch = scene.place.watch_with(&scene.shell, &[], "echo told > \"$2\"");
        scene.place.becomes(&scene.place.mark(), "told\n").await;
        live("1h").await;
        let struck = fault.struck();
        if during_login {
            fault.set_for(LOGIN, Fault::Late(LATE)).await;
            scene.strikes(struck).await;
        } else {
            let second = async || (scene.logins() > logins + 1).then_some(());
            eventually(TIMEOUT, "a second login", second).await;
        }
        let asked = Instant::now();
        assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        let second = async || (scene.logins() > logins + 1).then_some(());
        eventually(TIMEOUT, "a second login", second).await;
        scene.nothing_is_left(&watch.log()).await;
        fault.set(Fault::Pass).await;
        fs::remove_file(scene.place.mark()).expect("it is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pid1_revokes_its_token() {
    if !can_unshare(&AS_PID_1[1..]) {
        return;
    }
    let scene = Scene::start().await;
    let file = scene.place.file().display().to_string();
    let watch = ["secrets", "render", "acme", "crm", "--watch", "--file", &file];
    for (arguments, signal, code) in
        [(&GET[..], "TERM", 143), (&GET, "INT", 130), (&watch, "TERM", 0), (&watch, "INT", 0)]
    {
        scene.platform.fault.set_for("/v1/secret/", Fault::Hang).await;
        let struck = scene.platform.fault.struck();
        let mut command = through(&AS_PID_1, &scene.shell.command(arguments));
        let launcher = Process::spawn("unshare", &mut command);
        scene.strikes(struck).await;
        assert_ne!(accessors(&scene.platform.bao).await, scene.before);
        let asked = Instant::now();
        send(signal, first(&launcher).await);
        assert_eq!(launcher.exited(TIMEOUT).await.code(), Some(code), "{}", launcher.log());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        assert_eq!(accessors(&scene.platform.bao).await, scene.before, "{}", launcher.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_hung_command_in_a_second() {
    let scene = Scene::start().await;
    let file = scene.place.file().display().to_string();
    let watch = ["secrets", "render", "acme", "crm", "--watch", "--file", &file];
    for (arguments, signal, code) in
        [(&GET[..], "TERM", 143), (&GET, "HUP", 129), (&watch, "TERM", 0)]
    {
        scene.platform.fault.set_for("/v1/secret/", Fault::Hang).await;
        let struck = scene.platform.fault.struck();
        let command = scene.shell.start(arguments);
        scene.strikes(struck).await;
        scene.platform.bao.freeze();
        let asked = Instant::now();
        command.signal(signal);
        assert_eq!(command.exited(TIMEOUT).await.code(), Some(code), "{}", command.log());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        assert!(command.log().contains("could not be revoked"), "{}", command.log());
        scene.platform.bao.thaw();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nohup_command_revokes_at_exit() {
    let scene = Scene::start().await;
    let ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    for hangs_up in [1, 2] {
        scene.platform.fault.set_for("/v1/secret/", Fault::Late(Duration::from_secs(1))).await;
        let struck = scene.platform.fault.struck();
        let mut command = through(&ignoring, &scene.shell.command(&GET));
        let command = Process::spawn("sh", &mut command);
        scene.strikes(struck).await;
        for _ in 0..hangs_up {
            command.signal("HUP");
        }
        assert_eq!(command.exited(TIMEOUT).await.code(), Some(0), "{}", command.log());
        assert_eq!(accessors(&scene.platform.bao).await, scene.before, "{}", command.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_service_leaves_no_token() {
    let platform = Platform::start().await;
    let (bao, fault) = (&platform.bao, &platform.fault);
    let role = platform::provision(bao).await;
    let before = accessors(bao).await;
    let address = fault.addr();
    for late in [LOGIN, "/v1/sys/capabilities"] {
        fault.set_for(late, Fault::Late(LATE)).await;
        let (struck, logins) = (fault.struck(), bao.audited("auth/approle/login"));
        let service = Validator::start_unready(bao, &role, &[("VAULT_ADDR", &address)]).await;
        let struck = async || (fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a request that is late", struck).await;
        service.process().stop_gracefully(TIMEOUT).await;
        let login = async || (bao.audited("auth/approle/login") > logins).then_some(());
        eventually(TIMEOUT, "a login", login).await;
        let gone = async || (accessors(bao).await == before).then_some(());
        eventually(Duration::from_secs(5), &service.log(), gone).await;
    }
    fault.set(Fault::Pass).await;
    let unfit = "path \"auth/token/revoke-self\" { capabilities = [\"update\"] }";
    platform::set_policy(bao, "validator", unfit).await;
    let logins = bao.audited("auth/approle/login");
    let service = Validator::start_unready(bao, &role, &[("VAULT_ADDR", &address)]).await;
    let again = async || (bao.audited("auth/approle/login") > logins + 1).then_some(());
    eventually(TIMEOUT, "a second login", again).await;
    service.process().stop_gracefully(TIMEOUT).await;
    let gone = async || (accessors(bao).await == before).then_some(());
    eventually(Duration::from_secs(5), "unfit tokens to be revoked", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_token_is_not_revoked() {
    let platform = Platform::start().await;
    let role = platform.acme.caller.role.clone();
    platform.fault.set(Fault::Hang).await;
    let address = platform.fault.addr();
    let env = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_TOKEN", platform.bao.root_token()),
        ("VALIDATOR_ROLE_ID", ""),
        ("VALIDATOR_SECRET_ID_FILE", ""),
    ];
    let service = Validator::start_unready(&platform.bao, &role, &env).await;
    let asked = Instant::now();
    service.process().stop_gracefully(TIMEOUT).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert!(!service.log().contains("revoked"), "{}", service.log());
}
