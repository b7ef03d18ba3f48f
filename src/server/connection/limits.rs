/// The maximum size of a request head, in bytes. Caddy forwards up to about 20 KB.
pub(super) const MAX_HEAD: u32 = 64 * 1024;
