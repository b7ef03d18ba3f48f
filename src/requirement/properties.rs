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

/// As an operator would write them.
fn written(all: &[Requirement]) -> String {
    let encoded = |requirement: &Requirement| {
        let text = requirement.to_string();
        let (name, value) = text.split_once('=').expect("a value");
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    all.iter().map(encoded).collect::<Vec<_>>().join("&")
}

fn parse(query: &str) -> Result<Vec<Requirement>, RequirementError> {
    Requirements::parse(query).map(|all| all.0)
}

/// What a program along the way may do with a path before it uses it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a habit that comes with or without others"
)]
#[derive(Clone, Copy, Debug)]
struct Reader {
    /// How often it takes percent-encoding away.
    decodes: u8,
    /// Whether it takes `\` for `/`.
    backslash: bool,
    /// Whether a segment ends for it at `;`.
    parameters: bool,
    /// Whether it resolves dot segments.
    dots: bool,
    /// Whether it merges slashes.
    merges: bool,
    /// Whether the path ends for it at a zero byte, a line break or `#`.
    cuts: bool,
}

impl Reader {
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

    /// The path as it uses it, without encoding.
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
    fn what_is_written_is_read_back(all in requirements()) {
        prop_assert_eq!(parse(&written(&all)), Ok(all));
    }

    #[test]
    fn a_slip_of_the_pen_makes_another_requirement_or_an_error(
        all in requirements(),
        at in any::<Index>(),
        slip in option::of("[&=,%+;{}/. #a-z\u{0}]"),
        cut in 0..2_usize,
    ) {
        let mut query = written(&all);
        let at = at.index(query.len() + 1);
        let end = (at + cut).min(query.len());
        query.replace_range(at..end, &slip.unwrap_or_default());
        if let Ok(read) = parse(&query) {
            let parts = if query.is_empty() { 0 } else { query.split('&').count() };
            prop_assert_eq!(read.len(), parts, "a part is out of sight");
            let tenants = read.iter().filter(|one| matches!(one, Requirement::Tenant(_))).count();
            prop_assert!(tenants <= 1);
            let text = read.iter().map(ToString::to_string).collect::<Vec<_>>().concat();
            prop_assert!(!text.contains(['{', '}', '\u{fffd}']), "{}", text);
            prop_assert_eq!(parse(&written(&read)), Ok(read));
        }
    }

    #[test]
    fn a_path_that_passes_is_the_same_to_every_reader(target in target()) {
        let base = AclPath::parse("route/crm").expect("a path");
        if let Ok(judged) = base.join(&target) {
            let path = target.split('?').next().unwrap_or_default();
            for reader in Reader::all() {
                let read = reader.read(path);
                prop_assert_eq!(judged.strip_prefix("route/crm"), Some(&*read), "{:?}", reader);
            }
        }
    }

    #[test]
    fn a_path_is_judged_alike_however_it_is_encoded(target in target()) {
        let base = AclPath::parse("route/crm").expect("a path");
        if let Ok(judged) = base.join(&target) {
            let path = judged.strip_prefix("route/crm").expect("it begins so");
            let segments = path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
            let encoded = segments.map(|part| part.to_string()).collect::<Vec<_>>().join("/");
            prop_assert_eq!(base.join(&encoded), Ok(judged));
        }
    }
}
