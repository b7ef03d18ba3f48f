use std::sync::Arc;

use super::{
    At, Item, Value,
    error::{Fault, Quoted},
    fields::{
        block, control_group, expiration, filter, integer, known, lifetime::Lifetime, parameters,
        text,
    },
    template::Template,
};
use crate::capabilities::{Capabilities, Capability};
use crate::suggestion::nearest;

/// The keys that OpenBao or HashiCorp Vault knows in a rule.
const KEYS: [&str; 14] = [
    "capabilities",
    "policy",
    "comment",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "pagination_limit",
    "expiration",
    "list_scan_response_keys_filter_path",
    "control_group",
    "subscribe_event_types",
];

/// What a policy says about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    path: At<Arc<str>>,
    ignored_labels: Vec<At<Arc<str>>>,
    attributes: Vec<Item>,
    template: Arc<Template>,
    written: Vec<At<Capability>>,
    legacy: Option<At<String>>,
    capabilities: Capabilities,
    expiration: Option<i64>,
    vault_only: Vec<At<&'static str>>,
}

impl Rule {
    /// The path as it is written, with its templates and wildcards. A block without a label is
    /// the rule for the path `path`.
    pub fn path(&self) -> &At<Arc<str>> {
        &self.path
    }

    /// What stands between the path and its block, where Vault looks at nothing. In JSON it is a
    /// key whose value was taken for a block with a label.
    pub fn ignored_labels(&self) -> &[At<Arc<str>>] {
        &self.ignored_labels
    }

    /// All that is in the block, in order.
    pub fn attributes(&self) -> &[Item] {
        &self.attributes
    }

    /// The capabilities as they are written, those of several `capabilities` one after another.
    pub fn written(&self) -> &[At<Capability>] {
        &self.written
    }

    /// The `policy` in the manner of old: `write`, `read`, `sudo` or `deny`.
    pub fn legacy(&self) -> Option<&At<String>> {
        self.legacy.as_ref()
    }

    /// What it grants: all that is written, with the legacy policy spelled out.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// When it ends, in seconds since 1970 UTC.
    pub fn expiration(&self) -> Option<i64> {
        self.expiration
    }

    /// What HashiCorp Vault knows and OpenBao refuses, with the whole policy.
    pub fn vault_only(&self) -> &[At<&'static str>] {
        &self.vault_only
    }

    /// The words between the braces of the path, which an identity fills in.
    pub fn selectors(&self) -> impl Iterator<Item = &str> {
        self.template.selectors()
    }

    pub(super) fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// Reads a `path`, of which `before` came just before.
    pub(super) fn read(item: Item, before: Option<&Self>) -> Result<Self, Fault> {
        let mut keys = item.keys.iter().cloned();
        let keyword = keys.next();
        let Some(path) = keys.next().or(keyword) else {
            return Err(Fault::new(item.value.at, "expected `path`"));
        };
        let ignored_labels = keys.collect();
        // JSON can hang many rules on one long path, which is to be read once.
        let same = before.filter(|before| Arc::ptr_eq(&before.path.value, &path.value));
        let template = match same {
            Some(before) => Arc::clone(&before.template),
            None => Arc::new(Template::parse(&path)?),
        };
        known(block(&item)?, &KEYS)?;
        let Value::Block(attributes) = item.value.value else {
            return Err(Fault::new(item.value.at, "expected a block"));
        };
        let mut vault_only = control_group::check(&attributes)?;
        let limits = Limits::read(&attributes)?;
        let expiration = text::text(&attributes, "expiration")?;
        let expiration = expiration.filter(|text| !text.value.is_empty());
        let legacy = text::text(&attributes, "policy")?;
        let legacy = legacy.filter(|policy| !policy.value.is_empty());
        let old = legacy.as_ref().map_or(Ok(&[][..]), spelled_out)?;
        let words = text::texts(&attributes, "capabilities")?;
        let written = capabilities(&words, old)?;
        vault_only.extend(vault_only_words(&attributes, &written, old)?);
        let all = written.iter().map(|capability| capability.value);
        let capabilities: Capabilities = all.chain(old.iter().copied()).collect();
        // Vault looks at nothing more once it has seen `deny`.
        if !capabilities.contains(Capability::Deny) {
            limits.check(capabilities)?;
        }
        let expiration = expiration.as_ref().map(expiration::read).transpose()?;
        Ok(Self {
            path,
            ignored_labels,
            attributes,
            template,
            written,
            legacy,
            capabilities,
            expiration,
            vault_only,
        })
    }
}

/// What the legacy word stands for.
fn spelled_out(policy: &At<String>) -> Result<&'static [Capability], Fault> {
    use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
    match policy.value.as_str() {
        "deny" => Ok(&[Deny]),
        "read" => Ok(&[Read, List]),
        "write" => Ok(&[Create, Read, Update, Delete, List]),
        "sudo" => Ok(&[Create, Read, Update, Delete, List, Sudo]),
        found => {
            let found = Quoted(found);
            Err(Fault::expected(policy.at, "`read`, `write`, `sudo` or `deny`", found))
        }
    }
}

/// Reads words up to the first `deny`; Vault doesn't look at those after it, nor at any beside
/// the legacy `deny`.
fn capabilities(words: &[At<String>], legacy: &[Capability]) -> Result<Vec<At<Capability>>, Fault> {
    let mut denied = legacy.contains(&Capability::Deny);
    let mut capabilities = Vec::new();
    for word in words {
        match Capability::parse(&word.value) {
            Some(capability) => {
                denied |= capability == Capability::Deny;
                capabilities.push(At::new(capability, word.at));
            }
            None if denied => (),
            None => return Err(no_capability(word)),
        }
    }
    Ok(capabilities)
}

fn no_capability(word: &At<String>) -> Fault {
    let known = Capability::ALL.map(Capability::as_str);
    let found = Quoted(&word.value);
    let fault = Fault::expected(word.at, &format!("a capability ({})", known.join(", ")), found);
    match nearest(&word.value, &known) {
        Some(nearest) => fault.with_remedy(format!("did you mean `{nearest}`?")),
        None => fault,
    }
}

/// The keys and capabilities that OpenBao refuses. It looks at no capability after `deny`.
fn vault_only_words(
    attributes: &[Item],
    written: &[At<Capability>],
    legacy: &[Capability],
) -> Result<Vec<At<&'static str>>, Fault> {
    const EVENT_TYPES: &str = "subscribe_event_types";
    text::texts(attributes, EVENT_TYPES)?;
    let keys = attributes.iter().filter(|item| item.key() == EVENT_TYPES);
    let denied = legacy.contains(&Capability::Deny);
    let looked_at = written.iter().take_while(|one| !denied && one.value != Capability::Deny);
    let refused =
        looked_at.filter(|one| matches!(one.value, Capability::Recover | Capability::Subscribe));
    let words = refused.map(|one| At::new(one.value.as_str(), one.at));
    Ok(keys.map(|item| At::new(EVENT_TYPES, item.at())).chain(words).collect())
}

/// What narrows a rule, apart from its capabilities.
struct Limits {
    shortest: Option<Lifetime>,
    longest: Option<Lifetime>,
    filter: Option<At<String>>,
}

impl Limits {
    /// Checks the types of all, and keeps what depends on the capabilities.
    fn read(attributes: &[Item]) -> Result<Self, Fault> {
        parameters::check(attributes, "allowed_parameters")?;
        parameters::check(attributes, "denied_parameters")?;
        text::texts(attributes, "required_parameters")?;
        text::texts(attributes, "mfa_methods")?;
        integer::integer(attributes, "pagination_limit")?;
        Ok(Self {
            shortest: Lifetime::read(attributes, "min_wrapping_ttl")?,
            longest: Lifetime::read(attributes, "max_wrapping_ttl")?,
            filter: text::text(attributes, "list_scan_response_keys_filter_path")?,
        })
    }

    fn check(&self, capabilities: Capabilities) -> Result<(), Fault> {
        let nanoseconds =
            |ttl: &Option<Lifetime>| ttl.as_ref().map_or(Ok(0), Lifetime::nanoseconds);
        let (shortest, longest) = (nanoseconds(&self.shortest)?, nanoseconds(&self.longest)?);
        if let Some(ttl) = &self.longest
            && shortest != 0
            && longest != 0
            && longest < shortest
        {
            return Err(Fault::new(ttl.at(), "expected no less than `min_wrapping_ttl`"));
        }
        let Some(template) = self.filter.as_ref().filter(|template| !template.value.is_empty())
        else {
            return Ok(());
        };
        if !capabilities.contains(Capability::List) {
            return Err(Fault::new(template.at, "expected the capability `list` beside this key"));
        }
        filter::check(template)
    }
}
