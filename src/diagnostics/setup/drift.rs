use super::{
    diagnosis::Finding,
    platform::{Viewer, untold},
};
use crate::{
    policies::{Plan, PolicySet, Unmanaged},
    vault::{Examiner, Policies, Session, Untold},
};

pub(super) const CHECK: &str = "shipped policies";

/// Whether Vault's policies say what the files say.
pub(super) async fn examine(
    session: &Session,
    examiner: &Examiner<'_>,
    set: &PolicySet,
    viewer: Viewer,
) -> Finding {
    let check = CHECK;
    let paths = ["sys/policies/acl", "sys/policies/acl/validator"].map(str::to_owned);
    let needed = "list on sys/policies/acl and read below it";
    let refused = Untold::NotAllowed(String::new());
    match examiner.granted(&paths).await {
        Ok(granted) => {
            let may = |index: usize, word: &str| {
                granted[index].iter().any(|granted| granted == word || granted == "root")
            };
            if !may(0, "list") || !may(1, "read") {
                return untold(check, &refused, viewer, needed, "policy-auditor");
            }
        }
        Err(error) => return untold(check, &error, viewer, needed, "policy-auditor"),
    }
    let plan = match Plan::draw(set, &Policies::new(session), Unmanaged::Kept).await {
        Ok(plan) => plan,
        Err(error) => {
            return Finding::failed(check, error.to_string(), "does Vault answer others?");
        }
    };
    let names = |verb: &str| -> Vec<&str> {
        let steps = plan.steps.iter().filter(|step| step.verb() == verb);
        steps.map(|step| step.name.as_str()).collect()
    };
    let (changed, absent) = (names("update"), names("create"));
    let remedy = "`policies plan` shows the difference, `policies apply` mends it";
    if !changed.is_empty() {
        let detail = format!("Vault has others under these names: {}", changed.join(", "));
        return Finding::failed(check, detail, remedy);
    }
    if !absent.is_empty() {
        let detail = format!("not in Vault: {}", absent.join(", "));
        return Finding::warning(check, detail, remedy);
    }
    Finding::ok(check, format!("all {} say in Vault what they say here", plan.unchanged.len()))
}
