use std::{fmt, str::FromStr};

/// What is looked for in policies. Vault accepts most of it silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// The file is no policy.
    Syntax,
    /// The file cannot be read as text.
    Unreadable,
    /// The name of the file is none that a policy may have.
    Name,
    /// A path stands in a policy twice.
    DuplicatePath,
    /// A key stands in a rule twice.
    DuplicateKey,
    /// A rule grants nothing, and doesn't say that it denies.
    NoCapabilities,
    /// A `*` or `+` that is no wildcard where it stands.
    Wildcard,
    /// A path with an empty segment, which no request has.
    EmptySegment,
    /// Another path that no request has: with the API's `v1/`, or with dot segments.
    Unreachable,
    /// A template that Vault never fills in.
    Template,
    /// A placeholder that a program before Vault should have replaced.
    Placeholder,
    /// A path of a KV version 2 mount without `data/`, `metadata/` or the like.
    KvPath,
    /// A right that creates transit keys by encrypting with them.
    TransitCreate,
    /// A policy of one tenant that reaches what is another's.
    TenantReach,
    /// A label that Vault passes over.
    IgnoredLabel,
    /// A slash at the start of a path.
    LeadingSlash,
    /// The right to list where nothing is listed.
    KvList,
    /// Capabilities beside `deny`.
    DenyHides,
    /// The old way to write capabilities.
    Legacy,
    /// A `name` that is not the file's.
    OtherName,
    /// A policy without rules.
    Empty,
    /// What HashiCorp Vault refuses.
    OpenBaoOnly,
    /// What OpenBao refuses.
    VaultOnly,
    /// A `deny` that most other rules outrank.
    WeakDeny,
    /// A `deny` for one spelling of a path that an application may take in several.
    DenySpelling,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy does not do what it seems to say.
    Error,
    /// It does, but reads otherwise, or not everywhere.
    Warning,
    /// It does; there may be more to do.
    Hint,
}

impl Severity {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

impl Lint {
    /// All of them: the errors, then the warnings, then the hints.
    pub const ALL: [Self; 25] = [
        Self::Syntax,
        Self::Unreadable,
        Self::Name,
        Self::DuplicatePath,
        Self::DuplicateKey,
        Self::NoCapabilities,
        Self::Wildcard,
        Self::EmptySegment,
        Self::Unreachable,
        Self::Template,
        Self::Placeholder,
        Self::KvPath,
        Self::TransitCreate,
        Self::TenantReach,
        Self::IgnoredLabel,
        Self::LeadingSlash,
        Self::KvList,
        Self::DenyHides,
        Self::Legacy,
        Self::OtherName,
        Self::Empty,
        Self::OpenBaoOnly,
        Self::VaultOnly,
        Self::WeakDeny,
        Self::DenySpelling,
    ];

    /// Its name, which stays the same from version to version.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unreadable => "unreadable",
            Self::Name => "name",
            Self::DuplicatePath => "duplicate-path",
            Self::DuplicateKey => "duplicate-key",
            Self::NoCapabilities => "no-capabilities",
            Self::Wildcard => "wildcard",
            Self::EmptySegment => "empty-segment",
            Self::Unreachable => "unreachable",
            Self::Template => "template",
            Self::Placeholder => "placeholder",
            Self::KvPath => "kv-path",
            Self::TransitCreate => "transit-create",
            Self::TenantReach => "tenant-reach",
            Self::IgnoredLabel => "ignored-label",
            Self::LeadingSlash => "leading-slash",
            Self::KvList => "kv-list",
            Self::DenyHides => "deny-hides",
            Self::Legacy => "legacy",
            Self::OtherName => "other-name",
            Self::Empty => "empty",
            Self::OpenBaoOnly => "openbao-only",
            Self::VaultOnly => "vault-only",
            Self::WeakDeny => "weak-deny",
            Self::DenySpelling => "deny-spelling",
        }
    }

    /// How bad it is, as long as it is not known which server the policies are for.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            _ if self < Self::LeadingSlash => Severity::Error,
            _ if self < Self::WeakDeny => Severity::Warning,
            _ => Severity::Hint,
        }
    }

    /// Whether one may go on all the same: not with a file that is no policy, or has no name.
    #[must_use]
    pub fn can_be_allowed(self) -> bool {
        !matches!(self, Self::Syntax | Self::Unreadable | Self::Name)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Lint {
    type Err = String;

    /// A check that can be allowed, by its name.
    fn from_str(id: &str) -> Result<Self, String> {
        let allowed = || Self::ALL.into_iter().filter(|check| check.can_be_allowed());
        allowed().find(|check| check.id() == id).ok_or_else(|| {
            let known: Vec<_> = allowed().map(Self::id).collect();
            format!("expected one of {}", known.join(", "))
        })
    }
}
