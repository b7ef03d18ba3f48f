//! The next steps after a complete run.

use super::run::BootstrapRun;
use crate::vault::{InitPlan, PlatformPlan};

impl BootstrapRun {
    /// Returns the next steps after a complete run.
    pub(super) fn next_steps(&self, init: &InitPlan, plan: &PlatformPlan) -> Vec<String> {
        let (usage, start) = if plan.secret_id.is_needed() {
            let start = plan.secret_id.start_command("vault-auth-validator serve");
            (Some(plan.secret_id.usage()), start)
        } else {
            (None, "vault-auth-validator tenants create NAME --service SERVICE".to_owned())
        };
        let login = plan.operator.as_ref().map(|account| {
            format!(
                "{}; then revoke the root token (`bao token revoke -self` with it) and delete its \
                 file",
                account.login_command()
            )
        });
        let keys = init.next_step(self.directory());
        let browser = self.browser_login_steps(plan).into_iter().flatten();
        usage.into_iter().chain(browser).chain(keys).chain([start]).chain(login).collect()
    }

    /// Returns the steps to the first login in a browser, if the sealing key is new.
    fn browser_login_steps(&self, plan: &PlatformPlan) -> Option<[String; 2]> {
        let keys = plan.sealing_keys.is_needed().then(|| plan.sealing_keys.path())?;
        let (mount, kind) = (&self.desired.subject_mount, &plan.login_kind);
        let methods = match (kind.as_str(), mount.as_str()) {
            ("userpass", "userpass") => String::new(),
            ("userpass" | "ldap" | "oidc", _) => {
                format!(" VALIDATOR_LOGIN_METHODS={kind}:{mount}")
            }
            ("jwt", _) => format!(" VALIDATOR_LOGIN_METHODS=oidc:{mount}"),
            _ => " VALIDATOR_LOGIN_METHODS=TYPE:MOUNT, of the type userpass, ldap or oidc,"
                .to_owned(),
        };
        let settings = format!(
            "for logins in a browser, start `serve` with these settings too, with your own hosts: \
             VALIDATOR_LOGIN_URL=https://login.example.com VALIDATOR_LOGIN_HOSTS=crm.example.com{methods} \
             VALIDATOR_SEALING_KEY_FILE={}; all replicas need the same file, and the proxy sends \
             /.vault-auth/ of these hosts to the api listener (deploy/caddy)",
            keys.display()
        );
        let account = match kind.as_str() {
            "userpass" => format!(
                "create the first person with `read -rs PASSWORD; printf %s \"$PASSWORD\" | bao write \
                 auth/{mount}/users/NAME token_policies=staff password=-`, or in a tenant with \
                 `vault-auth-validator tenants members add TENANT NAME --create-user --policy \
                 route-crm`"
            ),
            _ => {
                format!("let people have the policies that they need, by the settings of {mount}/")
            }
        };
        let open = "open https://login.example.com/.vault-auth/login";
        Some([settings, format!("{account}; then {open}")])
    }
}
