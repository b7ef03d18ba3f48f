use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::{collection::vec, option, prelude::*, sample::Index};

use super::{AclPath, Requirement, RequirementError, Requirements};
use crate::tenants::TenantName;

fn requirement() -> impl Strategy<Value = Requirement> {
    let path = || {
        let segment = "[a-zA-Z0-9_+*. %&=,-]{0,6}[a-z]";
        vec(segment, 1..4)
            .prop_map(|segments| AclPath::parse(segments.join("/").trim_start()).expect("a path"))
    };
    let policy = "[a-z0-9_/.%&=+ßλ-]{1,10}".prop_map(|name| name.to_lowercase().into_boxed_str());
    prop_oneof![
        vec(policy, 1..4).prop_map(Requirement::AnyPolicy),
        path().prop_map(Requirement::Acl),
        path().prop_map(Requirement::AclUri),
    ]
}

fn requirements() -> impl Strategy<Value = Vec<Requirement>> {
    let tenant = "[a-z0-9][a-z0-9_-]{0,9}"
        .prop_map(|name| Requirement::Tenant(TenantName::parse(&name).expect("a name")));
    (vec(requirement(), 0..4), option::of(tenant), any::<Index>()).prop_map(|(mut all, one, at)| {
        if let Some(tenant) = one {
            all.insert(at.index(all.len() + 1), tenant);
        }
        all
    })
}

/// Returns the requirements as an operator writes them.
fn written(all: &[Requirement]) -> String {
    let encoded = |requirement: &Requirement| {
        let text = requirement.to_string();
        let (name, value) = text.split_once('=').expect("a value");
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    all.iter().map(encoded).collect::<Vec<_>>().join("&")
}

fn parse(query: &str) -> Result<Vec<Requirement>, RequirementError> {
    Requirements::parse(query).map(|all| all.checks)
}

/// A program that interprets a path before it uses it.
#[expect(clippy::struct_excessive_bools, reason = "each is independent of the others")]
#[derive(Clone, Copy, Debug)]
struct PathInterpreter {
    /// The number of times that it removes percent-encoding.
    decodes: u8,
    /// True if it treats `\` as `/`.
    backslash: bool,
    /// True if it cuts segments at `;`.
    parameters: bool,
    /// True if it resolves dot segments.
    dots: bool,
    /// True if it merges slashes.
    merges: bool,
    /// True if it cuts the path at a NUL byte, a line break or `#`.
    cuts: bool,
}

impl PathInterpreter {
    fn all() -> impl Iterator<Item = Self> {
        (0..96_u8).map(|number| Self {
            decodes: number / 32,
            backslash: number & 1 != 0,
            parameters: number & 2 != 0,
            dots: number & 4 != 0,
            merges: number & 8 != 0,
            cuts: number & 16 != 0,
        })
    }

    /// Returns the path that it uses, decoded.
    fn read(self, path: &str) -> String {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut path = (0..self.decodes).fold(path.to_owned(), |path, _| decoded(&path));
        if self.backslash {
            path = path.replace('\\', "/");
        }
        if self.cuts {
            path.truncate(path.find(['\0', '\n', '\r', '#']).unwrap_or(path.len()));
        }
        let mut kept: Vec<&str> = Vec::new();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        for (place, segment) in segments.iter().enumerate() {
            let segment = match segment.split_once(';') {
                Some((name, _)) if self.parameters => name,
                _ => segment,
            };
            let last = place + 1 == segments.len();
            match segment {
                "" if self.merges && !last => {}
                "." if self.dots => {}
                ".." if self.dots => drop(kept.pop()),
                name => kept.push(name),
            }
        }
        let path = format!("/{}", kept.join("/"));
        if self.decodes == 0 { decoded(&path) } else { path }
    }
}

fn target() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        ".", "..", "%2e", "%2E", "/", "%2f", "%2F", "\\", "%5c", ";", "%3b", "%25", "%32", "%65",
        "a", "b", "%61", "%C3%BC", "%C3", "%", "?", "#", "%23", "%00", "%0a", "~", " ",
    ]);
    prop_oneof![
        vec(piece.clone(), 0..12).prop_map(|pieces| format!("/{}", pieces.concat())),
        vec(piece, 0..4).prop_map(|pieces| format!("/a{}/b", pieces.concat())),
        "/\\PC{0,30}",
    ]
}

proptest! {
    #[test]
    fn written_requirements_are_parsed_back(all in requirements()) {
        prop_assert_eq!(parse(&written(&all)), Ok(all));
    }

    #[test]
    fn typo_changes_a_requirement_or_is_an_error(
        all in requirements(),
        at in any::<Index>(),
        typo in option::of("[&=,%+;{}/. #a-z\u{0}]"),
        cut in 0..2_usize,
    ) {
        let mut query = written(&all);
        let at = at.index(query.len() + 1);
        let end = (at + cut).min(query.len());
        query.replace_range(at..end, &typo.unwrap_or_default());
        if let Ok(read) = parse(&query) {
            let parts = if query.is_empty() { 0 } else { query.split('&').count() };
            prop_assert_eq!(read.len(), parts, "a part was skipped");
            let tenants = read.iter().filter(|one| matches!(one, Requirement::Tenant(_))).count();
            prop_assert!(tenants <= 1);
            let text = read.iter().map(ToString::to_string).collect::<Vec<_>>().concat();
            prop_assert!(!text.contains(['{', '}', '\u{fffd}']), "{}", text);
            prop_assert_eq!(parse(&written(&read)), Ok(read));
        }
    }

    #[test]
    fn accepted_path_is_same_for_all_programs(target in target()) {
        let base = AclPath::parse("route/crm").expect("a path");
        if let Ok(joined) = base.join(&target) {
            let path = target.split('?').next().unwrap_or_default();
            for interpreter in PathInterpreter::all() {
                let read = interpreter.read(path);
                prop_assert_eq!(joined.strip_prefix("route/crm"), Some(&*read), "{:?}", interpreter);
            }
        }
    }

    #[test]
    fn encoding_does_not_change_the_joined_path(target in target()) {
        let base = AclPath::parse("route/crm").expect("a path");
        if let Ok(joined) = base.join(&target) {
            let path = joined.strip_prefix("route/crm").expect("the prefix");
            let segments = path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
            let encoded = segments.map(|part| part.to_string()).collect::<Vec<_>>().join("/");
            prop_assert_eq!(base.join(&encoded), Ok(joined));
        }
    }
}
