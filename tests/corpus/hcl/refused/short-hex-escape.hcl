path "a\x4" {}
