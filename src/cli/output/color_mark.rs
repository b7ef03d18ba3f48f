use std::sync::LazyLock;

/// The delimiter of color codes in a text before it is printed: it stands before the code and `;`.
/// It is random per process, so that no external text can contain it.
pub(super) static COLOR_MARK: LazyLock<String> =
    LazyLock::new(|| format!("\u{fdd0}{:032x}\u{fdd0}", rand::random::<u128>()));
