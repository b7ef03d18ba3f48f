use std::cmp::Reverse;

/// The path of a rule after its templates are rendered, in one of the three forms that Vault
/// distinguishes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    /// A path without wildcards, which matches only itself.
    Exact(String),
    /// A path that ended in `*`, which is removed; matches all paths with this prefix.
    Prefix(String),
    /// A path with `+` segments; a `*` at the end is kept.
    Segments(String),
}

/// The specificity of a match; the greatest one wins. The fields are compared in Vault's order:
/// the position of the first wildcard, whether the end is fixed, the number of `+` segments, the
/// length, and the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity<'p> {
    exact: bool,
    first_wildcard: usize,
    fixed_end: bool,
    wildcards: Reverse<usize>,
    length: usize,
    path: &'p str,
}

impl Pattern {
    /// Parses a path; one leading slash is removed.
    pub(super) fn new(path: &str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path == "+" || path.contains("/+") || path.starts_with("+/") {
            return Self::Segments(path.to_owned());
        }
        match path.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(path.to_owned()),
        }
    }

    /// Returns the specificity of the match with a path, unless this is an exact pattern.
    pub(super) fn specificity(&self, path: &str) -> Option<Specificity<'_>> {
        match self {
            Self::Exact(_) => None,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()).then_some(Specificity {
                exact: false,
                first_wildcard: prefix.len(),
                fixed_end: false,
                wildcards: Reverse(0),
                length: prefix.len(),
                path: prefix,
            }),
            Self::Segments(pattern) => segments(pattern, path),
        }
    }

    /// Returns the specificity of an exact match; see [`Pattern::specificity`].
    pub(super) fn exact(&self, path: &str) -> Option<Specificity<'_>> {
        match self {
            Self::Exact(own) if own == path => Some(Specificity {
                exact: true,
                first_wildcard: own.len(),
                fixed_end: true,
                wildcards: Reverse(0),
                length: own.len(),
                path: own,
            }),
            _ => None,
        }
    }
}

/// Returns whether any path matches both patterns.
pub(super) fn overlaps(one: &Pattern, other: &Pattern) -> bool {
    let (one, other) = (SegmentPattern::of(one), SegmentPattern::of(other));
    let mut pairs = one.segments.iter().zip(&other.segments).enumerate();
    let agree =
        pairs.all(|(place, (a, b))| match (one.is_prefix_at(place), other.is_prefix_at(place)) {
            (false, false) => a == b || *a == "+" || *b == "+",
            (true, false) => *b == "+" || b.starts_with(a),
            (false, true) => *a == "+" || a.starts_with(b),
            (true, true) => a.starts_with(b) || b.starts_with(a),
        });
    let (short, long) =
        if one.segments.len() < other.segments.len() { (&one, &other) } else { (&other, &one) };
    agree && (short.open || short.segments.len() == long.segments.len())
}

/// The segments of a pattern. If it is open, the last one is a prefix.
struct SegmentPattern<'p> {
    segments: Vec<&'p str>,
    open: bool,
}

impl<'p> SegmentPattern<'p> {
    fn of(pattern: &'p Pattern) -> Self {
        let (path, open) = match pattern {
            Pattern::Exact(path) => (path.as_str(), false),
            Pattern::Prefix(path) => (path.as_str(), true),
            Pattern::Segments(path) => {
                path.strip_suffix('*').map_or((path.as_str(), false), |path| (path, true))
            }
        };
        Self { segments: path.split('/').collect(), open }
    }

    fn is_prefix_at(&self, place: usize) -> bool {
        self.open && place + 1 == self.segments.len()
    }
}

fn segments<'p>(pattern: &'p str, path: &str) -> Option<Specificity<'p>> {
    let open = pattern.strip_suffix('*');
    let bare = open.unwrap_or(pattern);
    let mut wildcards = 0;
    let mut given = path.split('/');
    let mut wanted = bare.split('/').peekable();
    while let Some(segment) = wanted.next() {
        let found = given.next()?;
        let last = wanted.peek().is_none();
        match segment {
            "+" => wildcards += 1,
            _ if segment == found => (),
            _ if last && open.is_some() && found.starts_with(segment) => (),
            _ => return None,
        }
    }
    if open.is_none() && given.next().is_some() {
        return None;
    }
    Some(Specificity {
        exact: false,
        first_wildcard: pattern.find('+').unwrap_or(pattern.len()),
        fixed_end: open.is_none(),
        wildcards: Reverse(wildcards),
        length: bare.len(),
        path: bare,
    })
}

#[cfg(test)]
mod tests {
    use super::{Pattern, overlaps};

    #[test]
    fn overlap_needs_a_common_path() {
        for (one, other, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/c", false),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a/b/c", false),
            ("a/+/c", "a/b/+", true),
            ("a/+/c", "a/b/d", false),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("a/b*", "a/bc/d", true),
            ("a/b*", "a/c", false),
            ("a/b*", "a/+/d", true),
            ("a/b*", "a/bc*", true),
            ("a/b*", "a/c*", false),
            ("*", "a/b/c", true),
            ("+/b/*", "a/+/c", true),
            ("+/b/*", "a/+", false),
            ("/a/b", "a/b", true),
        ] {
            let (a, b) = (Pattern::new(one), Pattern::new(other));
            assert_eq!((overlaps(&a, &b), overlaps(&b, &a)), (expected, expected), "{one} {other}");
        }
    }
}
